-- $1 tenant, $2 instance. Where it stands, without its payloads: what a waiting caller looks at again and again.
select status as "status!" from gd.instance where tenant_id = $1 and id = $2
union all
select status from gd.finished where tenant_id = $1 and id = $2
