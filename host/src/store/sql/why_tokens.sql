-- $1 tenant, $2 instance. What an instance that stands aside for tokens waits for: its bucket with limit and level, and who comes before
-- it. Nothing comes back once it does not. Leans on instance_wants_tokens.
select
    i.rate_limit as "bucket!", i.weight,
    coalesce(own.allowed, everyones.allowed) as allowed,
    coalesce(own.period_ms, everyones.period_ms) as period_ms,
    coalesce(own.burst, everyones.burst) as burst,
    (extract(epoch from coalesce(own.changed_at, everyones.changed_at)) * 1000000)::bigint as since_us,
    b.level as "level?",
    (extract(epoch from b.refilled_at) * 1000000)::bigint as refilled_us,
    (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now_us!",
    ahead.instances as "ahead!", ahead.weight as "ahead_weight!", ahead.stuck
from gd.instance i
left join gd.rate_limit own on own.tenant_id = i.tenant_id and own.name = split_part(i.rate_limit, ':', 1)
left join gd.rate_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(i.rate_limit, ':', 1)
left join gd.bucket b on b.tenant_id = i.tenant_id and b.key = i.rate_limit
cross join lateral (
    select
        count(*) as instances, coalesce(sum(o.weight), 0)::bigint as weight,
        (array_agg(o.id order by o.priority, o.eligible_at) filter (where o.weight > coalesce(own.burst, everyones.burst)))[1] as stuck
    from (
        select o.id, o.weight, o.priority, o.eligible_at from gd.instance o
        where o.tenant_id = i.tenant_id and o.rate_limit = i.rate_limit and o.status = 5 and not o.held and o.eligible_at <= now()
          and (o.priority, o.eligible_at) < (i.priority, i.eligible_at)
        order by o.priority, o.eligible_at
        limit 1000
    ) o
) ahead
where i.tenant_id = $1 and i.id = $2 and i.status = 5
