-- $1 tenant
select
    f.name as fsm, f.routed_version as "routed_version!", f.history,
    (select count(*) from gd.version v where v.fsm_id = f.id) as "versions!",
    (select count(*) from gd.instance i where i.fsm_id = f.id) as "live!"
from gd.fsm f
where f.tenant_id = $1 and f.routed_version is not null
order by f.name
