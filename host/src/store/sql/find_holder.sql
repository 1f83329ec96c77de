-- $1 tenant, $2 key. Who is unique under it, live or kept; else the newest that lives of those who share it, which no identity tells.
select coalesce(
    (select k.holder from gd.identity k where k.tenant_id = $1 and k.key = $2),
    (select max(i.id) from gd.instance i where i.tenant_id = $1 and i.correlation_key = $2 and i.shared_key)
) as holder
