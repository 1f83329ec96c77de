-- $1 tenant, $2 instance (locked by the statement before this one, with its parent), $3 reason, $4 status, $5 bit of the status in an identity's
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
),
forgotten as (
    delete from gd.child_outcome c using ended where c.parent = ended.id
),
left_behind as (
    insert into gd.child_outcome (parent, round, index, child, fsm_id, status, error_kind, error_message, state)
    select c.parent, c.child_round, c.child_index, c.id, c.fsm_id, $4::smallint, 'cancelled', $3, c.state
    from ended c join gd.instance p on p.id = c.parent
    where c.parent is not null
    on conflict do nothing
    returning parent, round
),
joined as (
    update gd.instance p
    set pending = p.pending - 1,
        status = case when p.status = 3 and p.pending = 1 then 0 else p.status end,
        eligible_at = case when p.status = 3 and p.pending = 1 then now() else p.eligible_at end
    from left_behind n
    where p.id = n.parent and p.round = n.round and p.pending > 0
    returning p.status, p.tenant_id, p.queue_id, p.priority
),
moved as (
insert into gd.finished (
    id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, correlation_key, step,
    error_kind, error_message, state, concurrency_key, rate_limit, weight, parent, child_round, child_index, depth, round, shared_key
)
select
    id, created_at, tenant_id, fsm_id, queue_id, version, $4::smallint, priority, attempt, faults, visit, claim + 1, correlation_key,
    step, 'cancelled', $3, state, concurrency_key, rate_limit, weight, parent, child_round, child_index, depth, round, shared_key
from ended
returning id
)
select
    moved.id as "id!",
    (select concurrency_key from ended where slot is not null) as freed_key,
    (select tenant_id from joined where status = 0) as "parent_tenant_id?",
    (select queue_id from joined where status = 0) as "parent_queue_id?",
    (select priority from joined where status = 0) as "parent_priority?"
from moved
