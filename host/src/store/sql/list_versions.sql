-- $1 tenant, $2 fsm name. With what lives on each version, by step.
select
    f.routed_version as "routed_version!", f.history, v.version, v.digest, v.descriptor,
    (extract(epoch from v.deployed_at) * 1000)::bigint as "deployed_at_ms!",
    coalesce(live.steps, '{}') as "steps!"
from gd.fsm f
join gd.version v on v.fsm_id = f.id
left join lateral (
    select jsonb_object_agg(step, instances) as steps
    from (select step, count(*) as instances from gd.instance where fsm_id = f.id and version = v.version group by step) per_step
) live on true
where f.tenant_id = $1 and f.name = $2
order by v.version
