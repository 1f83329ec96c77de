-- $1 versions that this host cannot load, as in `claim`; $2 queues that it runs (all where it is null). Whether an instance is due that only the lone run may claim. Leans on instance_suspect.
select exists (
    select from gd.instance where status = 0 and not held and losses >= 3 and eligible_at <= now()
      and (fsm_id::bigint << 32) + version <> all ($1::bigint[])
      and ($2::int[] is null or queue_id = any ($2))
) as "there!"
