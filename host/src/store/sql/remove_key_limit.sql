-- $1 tenant, $2 name.
delete from gd.key_limit where tenant_id = $1 and name = $2
