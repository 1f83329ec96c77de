-- $1 tenant, $2 keys. Who holds each, as far as somebody does: who is unique under it, or was and keeps it, else the newest that lives.
select u.key as "key!", coalesce(k.holder, shared.id) as "holder!"
from unnest($2::text[]) as u (key)
left join gd.identity k on k.tenant_id = $1 and k.key = u.key
left join lateral (
    select max(i.id) as id from gd.instance i where i.tenant_id = $1 and i.correlation_key = u.key and i.shared_key
) shared on true
where coalesce(k.holder, shared.id) is not null
