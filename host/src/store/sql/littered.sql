-- $1 dead rows, $2 a share of the live ones: tables whose rows come and go with instances, and that hold more dead versions of rows
-- than both together by the server's own count, which is some seconds late. Not those that somebody has a lock on with which no vacuum goes,
-- as another vacuum has: to ask for them again in a minute, as for those whose dead rows stay, would be to meet autovacuum there every time.
select c.relname::text as "table!"
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'gd' and c.relname = any (array['instance', 'signal', 'signal_dedup', 'child_outcome', 'identity', 'bucket']::name[])
  and pg_stat_get_dead_tuples(c.oid) > $1::bigint + greatest(c.reltuples, 0) * $2::float8
  and not exists (
      select from pg_locks l
      where l.relation = c.oid and l.database = (select oid from pg_database where datname = current_database()) and l.granted
        and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  )
order by c.relname
