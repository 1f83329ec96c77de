-- $1 tenants, $2 buckets, $3 what they hold, in millionths of a token. Full buckets that nobody has drawn from; in their order, so that
-- two hosts never wait in a circle.
insert into gd.bucket (tenant_id, key, level, refilled_at)
select u.tenant_id, u.key, u.level, clock_timestamp()
from unnest($1::int[], $2::text[], $3::bigint[]) as u (tenant_id, key, level)
order by u.tenant_id, u.key
on conflict do nothing
