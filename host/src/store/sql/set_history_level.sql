-- $1 tenant, $2 name, $3 level. Hosts look at it every few seconds.
update gd.fsm set history = $3 where tenant_id = $1 and name = $2 returning id
