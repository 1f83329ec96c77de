-- Per row: $1 id, $2 slot that this transaction took back. What waits for tokens as well goes to wait for those.
update gd.instance i
set status = case when i.rate_limit is null then 0 else 5 end,
    slot = case when i.rate_limit is null then u.slot end,
    updated_at = now()
from unnest($1::bigint[], $2::smallint[]) as u (id, slot)
where i.id = u.id and i.status = 4
returning i.status, i.tenant_id, i.queue_id, i.priority, i.concurrency_key, i.rate_limit
