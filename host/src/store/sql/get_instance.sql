-- $1 tenant, $2 instance. One snapshot over what lives and what is over: an instance that ends meanwhile is found once.
select
    i.id as "id!", f.name as "fsm!", i.version as "version!", i.status as "status!", i.held as "held!", i.step as "step!",
    i.attempt as "attempt!", i.faults as "faults!", i.visit as "visit!", i.claim as "claim!", q.name as "queue!",
    i.priority as "priority!", i.correlation_key, i.concurrency_key, i.rate_limit, i.weight as "weight!", i.parent, i.awaits,
    i.state as "state!", null::bytea as result,
    null::text as error_kind, null::text as error_message, null::text as error_code,
    (extract(epoch from i.eligible_at) * 1000)::bigint as eligible_at_ms,
    (extract(epoch from i.await_deadline) * 1000)::bigint as await_deadline_ms,
    (extract(epoch from i.created_at) * 1000)::bigint as "created_at_ms!",
    (extract(epoch from i.updated_at) * 1000)::bigint as "updated_at_ms!"
from gd.instance i join gd.fsm f on f.id = i.fsm_id join gd.queue q on q.id = i.queue_id
where i.tenant_id = $1 and i.id = $2
union all
select
    i.id, f.name, i.version, i.status, false, i.step, i.attempt, i.faults, i.visit, i.claim, q.name, i.priority, i.correlation_key,
    i.concurrency_key, i.rate_limit, i.weight, i.parent, null, i.state, i.result, i.error_kind, i.error_message, i.error_code, null, null,
    (extract(epoch from i.created_at) * 1000)::bigint, (extract(epoch from i.ended_at) * 1000)::bigint
from gd.finished i join gd.fsm f on f.id = i.fsm_id join gd.queue q on q.id = i.queue_id
where i.tenant_id = $1 and i.id = $2
