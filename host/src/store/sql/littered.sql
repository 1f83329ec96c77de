-- $1 dead rows, $2 a share of the live ones: tables whose rows come and go with instances, and that hold more dead versions of rows
-- than both together by the server's own count, which is some seconds late.
select c.relname::text as "table!"
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'gd' and c.relname = any (array['instance', 'signal', 'signal_dedup', 'child_outcome', 'identity', 'bucket']::name[])
  and pg_stat_get_dead_tuples(c.oid) > $1::bigint + greatest(c.reltuples, 0) * $2::float8
order by c.relname
