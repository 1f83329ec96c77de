-- $1 tenant and $2 key to go on after, $3 rows at most. Deletes buckets that are full again, and those that no limit is left for: the next
-- grant makes them anew, full. Kept are those that fill up still, or never will. A bucket that is being granted from is passed over.
with page as materialized (
    select b.tenant_id, b.key, b.refilled_at from gd.bucket b
    where (b.tenant_id, b.key) > ($1, $2)
    order by b.tenant_id, b.key
    limit $3
),
idle as materialized (
    select p.tenant_id, p.key, p.refilled_at
    from page p
    left join lateral (
        select l.allowed, l.period_ms, l.burst, l.changed_at from gd.rate_limit l
        where l.tenant_id in (p.tenant_id, 0) and l.name = split_part(p.key, ':', 1)
        order by l.tenant_id desc
        limit 1
    ) l on true
    where l.allowed is null
       or l.allowed > 0 and greatest(p.refilled_at, l.changed_at) + make_interval(secs => l.burst::float8 * l.period_ms / l.allowed / 1000) <= now()
),
swept as (
    delete from gd.bucket b
    where b.ctid = any (array(
        select o.ctid from idle i join gd.bucket o on o.tenant_id = i.tenant_id and o.key = i.key and o.refilled_at = i.refilled_at
        for update of o skip locked
    ))
    returning 1
)
select
    count(*) as "seen!", (select count(*) from swept) as "swept!",
    (select tenant_id from page order by tenant_id desc, key desc limit 1) as last_tenant,
    (select key from page order by tenant_id desc, key desc limit 1) as last_key
from page
