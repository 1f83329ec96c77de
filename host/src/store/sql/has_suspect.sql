-- Whether an instance is due that only the lone run may claim. Leans on instance_suspect.
select exists (
    select from gd.instance where status = 0 and not held and losses >= 3 and eligible_at <= now()
) as "there!"
