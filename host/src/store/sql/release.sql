-- $1 owner, $2 instances, $3 claims, $4 delay in ms: the last three per row. Gives rows back unfinished: the attempt is not
-- counted.
update gd.instance i
set status = 0, owner = null, claim = i.claim + 1, updated_at = now(),
    eligible_at = case when e.delay_ms > 0 then now() + make_interval(secs => e.delay_ms::float8 / 1000) else i.eligible_at end
from unnest($2::bigint[], $3::bigint[], $4::bigint[]) as e (id, claim, delay_ms)
where i.id = e.id and i.claim = e.claim and i.owner = $1
returning i.tenant_id, i.queue_id, i.priority
