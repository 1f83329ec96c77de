-- $1 tenant, $2 fsm name, $3 version or null for the routed one.
select f.id as fsm_id, v.version as "version?", v.descriptor as "descriptor?"
from gd.fsm f left join gd.version v on v.fsm_id = f.id and v.version = coalesce($3, f.routed_version)
where f.tenant_id = $1 and f.name = $2
