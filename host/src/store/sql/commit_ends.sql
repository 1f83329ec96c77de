-- The outcomes of one flush that end their instance. $1 owner; per instance: $2 id, $3 claim, $4 status, $5 bit of the status in
-- an identity's `keeps`, $6 whether the inbox goes too, $7 result, $8 error kind, $9 error message, $10 error code.
-- The rows were locked by the statement before this one. The key is freed unless its scope keeps it beyond this end.
with entry as materialized (
    select *
    from unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::boolean[], $7::bytea[], $8::text[], $9::text[], $10::text[])
         as e (id, claim, status, keep_bit, clears_inbox, result, error_kind, error_message, error_code)
),
ended as (
    delete from gd.instance i
    using entry e
    where i.id = e.id and i.claim = e.claim and i.owner = $1
    returning i.*, e.status as end_status, e.keep_bit, e.clears_inbox, e.result, e.error_kind, e.error_message, e.error_code
),
freed as (
    delete from gd.identity k
    using ended
    where ended.correlation_key is not null and k.tenant_id = ended.tenant_id and k.key = ended.correlation_key
      and k.holder = ended.id and k.keeps & ended.keep_bit = 0
),
cleared as (
    delete from gd.signal s using ended where s.target = ended.id and ended.clears_inbox
)
insert into gd.finished (
    id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, correlation_key, step,
    error_kind, error_message, error_code, state, result
)
select
    id, created_at, tenant_id, fsm_id, queue_id, version, end_status, priority, attempt, faults, visit, claim + 1, correlation_key,
    step, error_kind, error_message, error_code, state, result
from ended
returning id, claim - 1 as "claim!"
