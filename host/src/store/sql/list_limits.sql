-- $1 tenant. The limits that count for it, by name and kind: its own before those of every tenant, which is 0.
select
    name as "name!", tenant_id as "tenant_id!", slots, allowed, period_ms, burst,
    (extract(epoch from changed_at) * 1000)::bigint as "changed_at_ms!"
from (
    select distinct on (name, slots is null) *
    from (
        select name, tenant_id, null::smallint as slots, allowed, period_ms, burst, changed_at
        from gd.rate_limit where tenant_id in (0, $1)
        union all
        select name, tenant_id, slots, null, null, null, changed_at
        from gd.key_limit where tenant_id in (0, $1)
    ) known
    order by name, slots is null, tenant_id desc
) counts
order by name, slots is null
