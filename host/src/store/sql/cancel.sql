-- $1 tenant, $2 instance (locked by the statement before this one), $3 reason, $4 status, $5 bit of the status in an identity's
-- `keeps`, $6 outcome in the history. Ends the instance whatever it does: a worker that runs it finds the row gone, and its commit
-- matches nothing. The inbox stays until retention. The history shows the attempt that was cut off, or the one that was to come.
with ended as (
    delete from gd.instance where tenant_id = $1 and id = $2 returning *
),
freed as (
    delete from gd.identity k
    using ended
    where ended.correlation_key is not null and k.tenant_id = ended.tenant_id and k.key = ended.correlation_key
      and k.holder = ended.id and k.keeps & $5::smallint = 0
),
recorded as (
    insert into gd.attempt (instance_id, claim, worker, visit, attempt, version, wake, outcome, step, error_kind, error_message)
    select id, claim, coalesce(owner, 0), visit, attempt, version, wake, $6::smallint, step, 'cancelled', $3 from ended
)
insert into gd.finished (
    id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, correlation_key, step,
    error_kind, error_message, state
)
select
    id, created_at, tenant_id, fsm_id, queue_id, version, $4::smallint, priority, attempt, faults, visit, claim + 1, correlation_key,
    step, 'cancelled', $3, state
from ended
returning id
