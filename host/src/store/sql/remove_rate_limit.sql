-- $1 tenant, $2 name.
delete from gd.rate_limit where tenant_id = $1 and name = $2
