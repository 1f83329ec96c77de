-- $1 tenants, $2 buckets (locked by this transaction, so that nobody else grants), $3 rows at most of each, $4 versions that
-- this host cannot load, as in `claim`. Who waits for tokens and is
-- due, the most urgent first. No row is locked: most of them are not granted anything. Leans on instance_wants_tokens.
select
    u.place as "place!", w.id as "id!", w.weight as "weight!", w.tenant_id as "tenant_id!", w.queue_id as "queue_id!",
    w.priority as "priority!", w.concurrency_key, w.losses as "losses!", w.due_in_ms as "due_in_ms!"
from unnest($1::int[], $2::text[]) with ordinality as u (tenant_id, key, place)
cross join lateral (
    select
        i.id, i.weight, i.tenant_id, i.queue_id, i.priority, i.eligible_at, i.concurrency_key, i.losses,
        greatest(0, ceil(extract(epoch from i.eligible_at - now()) * 1000))::bigint as due_in_ms
    from gd.instance i
    where i.tenant_id = u.tenant_id and i.rate_limit = u.key and i.status = 5 and not i.held and i.eligible_at <= now()
      and (i.fsm_id::bigint << 32) + i.version <> all ($4::bigint[])
    order by i.priority, i.eligible_at
    limit $3
) w
order by u.place, w.priority, w.eligible_at
