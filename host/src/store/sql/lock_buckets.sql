-- $1 worker, $2 tenants, $3 buckets. Locks the buckets that no other host grants from now, while the worker lives, and says what they
-- hold, and the time. Never waits. The live worker's row is held as in `claim`.
with live as materialized (
    select id from gd.worker where id = $1 and not dead for key share
)
select
    u.place as "place!", b.level as "level!",
    (extract(epoch from b.refilled_at) * 1000000)::bigint as "refilled_us!",
    (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now_us!"
from live
cross join unnest($2::int[], $3::text[]) with ordinality as u (tenant_id, key, place)
join gd.bucket b on b.tenant_id = u.tenant_id and b.key = u.key
for no key update of b skip locked
