-- $1 owner, $2 instances, $3 claims: the last two per row. Gives rows back unfinished: the attempt is not counted.
update gd.instance i
set status = 0, owner = null, claim = i.claim + 1, updated_at = now()
from unnest($2::bigint[], $3::bigint[]) as e (id, claim)
where i.id = e.id and i.claim = e.claim and i.owner = $1
returning i.tenant_id, i.queue_id, i.priority
