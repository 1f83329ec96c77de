-- $1 versions that this host cannot load, as in `claim`. Whether an instance is due that only the lone run may claim. Leans on instance_suspect.
select exists (
    select from gd.instance where status = 0 and not held and losses >= 3 and eligible_at <= now()
      and (fsm_id::bigint << 32) + version <> all ($1::bigint[])
) as "there!"
