-- $1 seconds that are kept. The day partitions that are over, oldest first: those in use, those whose detaching was interrupted, and
-- tables that were detached and not dropped. Never yesterday's: a transaction from before midnight may still write it.
select
    c.relname::text as "name!",
    left(c.relname, -9) as "parent!",
    i.inhrelid is not null as "attached!",
    coalesce(i.inhdetachpending, false) as "pending!",
    (extract(epoch from to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'utc') * 1000000)::bigint as "began_us!"
from pg_class c
left join pg_inherits i on i.inhrelid = c.oid
where c.relnamespace = (select oid from pg_namespace where nspname = 'gd') and c.relkind = 'r' and c.relname ~ '^(finished|attempt|attempt_log|attempt_input)_[0-9]{8}$'
  and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'utc' <= now() - make_interval(secs => greatest($1::float8, 86400))
order by right(c.relname, 8), c.relname
