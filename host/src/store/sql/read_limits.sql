-- $1 tenants, $2 buckets. The limit of each, the tenant's own before everyone's, in the order given; nulls where there is none. Also says
-- whether anybody has drawn from the bucket yet.
select
    coalesce(own.allowed, everyones.allowed) as allowed,
    coalesce(own.period_ms, everyones.period_ms) as period_ms,
    coalesce(own.burst, everyones.burst) as burst,
    (extract(epoch from coalesce(own.changed_at, everyones.changed_at)) * 1000000)::bigint as since_us,
    b.key is not null as "drawn!"
from unnest($1::int[], $2::text[]) with ordinality as u (tenant_id, key, place)
left join gd.rate_limit own on own.tenant_id = u.tenant_id and own.name = split_part(u.key, ':', 1)
left join gd.rate_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(u.key, ':', 1)
left join gd.bucket b on b.tenant_id = u.tenant_id and b.key = u.key
order by u.place
