-- $1 owner, $2 instances, $3 claims: the last two per row. Gives rows back unfinished: the attempt is not counted. What ran under a
-- key waits for a slot again, and what drew tokens for tokens.
update gd.instance i
set status = case when i.rate_limit is not null then 5 when i.concurrency_key is not null then 4 else 0 end,
    owner = null, slot = null, claim = i.claim + 1, updated_at = now()
from unnest($2::bigint[], $3::bigint[]) as e (id, claim)
where i.id = e.id and i.claim = e.claim and i.owner = $1
returning i.status, i.tenant_id, i.queue_id, i.priority, i.concurrency_key, i.rate_limit
