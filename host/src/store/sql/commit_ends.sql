-- The outcomes of one flush that end their instance. $1 owner; per instance: $2 id, $3 claim, $4 status, $5 bit of the status in
-- an identity's `keeps`, $6 whether the inbox goes too, $7 result, $8 error kind, $9 error message, $10 error code.
-- The rows, and the parents of what ends, were locked by the statement before this one. The key is freed unless its scope keeps it
-- beyond this end. A live parent is left what it will read, once: an end counts for the join only where it was left, and only in the
-- round that the parent waits for. However many children end here, a parent's row is written once. Ranges and arrays of one: a plan
-- that was made while the tables were empty would walk whole indexes in the order of an equality instead of looking each row up.
with entry as materialized (
    select *
    from unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::boolean[], $7::bytea[], $8::text[], $9::text[], $10::text[])
         as e (id, claim, status, keep_bit, clears_inbox, result, error_kind, error_message, error_code)
),
ended as (
    delete from gd.instance i
    using entry e
    where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1
    returning i.*, e.status as end_status, e.keep_bit, e.clears_inbox, e.result, e.error_kind, e.error_message, e.error_code
),
freed as (
    delete from gd.identity k
    using ended
    where k.tenant_id = any(array[ended.tenant_id]) and k.key between ended.correlation_key and ended.correlation_key
      and k.holder = ended.id and k.keeps & ended.keep_bit = 0
),
cleared as (
    delete from gd.signal s using ended where s.target between ended.id and ended.id and ended.clears_inbox
),
forgotten as (
    delete from gd.child_outcome c using ended where ended.round > 0 and c.parent between ended.id and ended.id
),
left_behind as (
    insert into gd.child_outcome (parent, round, index, child, fsm_id, status, error_kind, error_message, error_code, state, result)
    select
        c.parent, c.child_round, c.child_index, c.id, c.fsm_id, c.end_status, c.error_kind, c.error_message, c.error_code, c.state,
        c.result
    from ended c
    where c.parent is not null and not exists (select from ended e where e.id = c.parent)
      and exists (select from gd.instance p where p.id = c.parent offset 0)
    on conflict do nothing
    returning parent, round
),
joined as (
    update gd.instance p
    set pending = p.pending - n.ended,
        status = case when p.status = 3 and p.pending - n.ended = 0 then 0 else p.status end,
        eligible_at = case when p.status = 3 and p.pending - n.ended = 0 then now() else p.eligible_at end
    from (select parent, round, count(*)::int as ended from left_behind group by parent, round) n
    where p.id between n.parent and n.parent and p.round = n.round and p.pending > 0
    returning p.status, p.tenant_id, p.queue_id, p.priority
),
moved as (
insert into gd.finished (
    id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, correlation_key, step,
    error_kind, error_message, error_code, state, result, concurrency_key, rate_limit, weight, parent, child_round, child_index, depth,
    round, shared_key
)
select
    id, created_at, tenant_id, fsm_id, queue_id, version, end_status, priority, attempt, faults, visit, claim + 1, correlation_key,
    step, error_kind, error_message, error_code, state, result, concurrency_key, rate_limit, weight, parent, child_round, child_index,
    depth, round, shared_key
from ended
returning id, claim - 1 as claim
)
select id as "id?", claim as "claim?", null::int as "tenant_id?", null::int as "queue_id?", null::smallint as "priority?" from moved
union all
select null, null, tenant_id, queue_id, priority from joined where status = 0
