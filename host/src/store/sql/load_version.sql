-- $1 fsm, $2 version
select c.bytes
from gd.version v
join gd.component c on c.digest = v.digest
where v.fsm_id = $1 and v.version = $2
