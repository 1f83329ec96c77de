-- $1 fsm, $2 tenant, $3 sha-256, $4 descriptor. The next number; the FSM's row is locked.
insert into gd.version (fsm_id, version, tenant_id, digest, descriptor)
select $1, coalesce(max(version), 0) + 1, $2, $3, $4 from gd.version where fsm_id = $1
returning version
