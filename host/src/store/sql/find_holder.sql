-- $1 tenant, $2 key. Who holds it, live or kept.
select holder from gd.identity where tenant_id = $1 and key = $2
