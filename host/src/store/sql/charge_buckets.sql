-- $1 tenants, $2 buckets (locked by this transaction), $3 what is left in them, in millionths of a token, $4 up to when they were filled,
-- in microseconds.
update gd.bucket b
set level = u.level, refilled_at = timestamptz 'epoch' + make_interval(secs => (u.refilled_us / 1000000)::float8) + (u.refilled_us % 1000000) * interval '1 microsecond'
from unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[]) as u (tenant_id, key, level, refilled_us)
where b.tenant_id = u.tenant_id and b.key = u.key
