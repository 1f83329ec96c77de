-- $1 fsm, $2 version
select f.name as fsm, t.name as tenant, c.bytes
from gd.version v
join gd.fsm f on f.id = v.fsm_id
join gd.tenant t on t.id = v.tenant_id
join gd.component c on c.digest = v.digest
where v.fsm_id = $1 and v.version = $2
