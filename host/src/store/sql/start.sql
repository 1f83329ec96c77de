-- $1 tenant; per instance: $2 fsm, $3 version, $4 step, $5 state, $6 queue, $7 priority, $8 delay in ms, $9 correlation key or null,
-- $10 the ends beyond which the key is kept, $11 ms since the epoch at which it is due, instead of the delay, or null, $12 whether its
-- key is an address alone, $13 concurrency key or null, $14 rate limit or null, $15 weight, $16 parent or null, $17 the parent's round,
-- $18 its place in it, $19 depth. Unique keys stand in one entry each and are taken in their order, so that two batches never wait in a
-- circle. An entry whose key is held already comes back with the holder; with neither, the holder was gone within this statement: look
-- again. The arrays are unnested side by side in a select list, which hands their elements out as they stand, and the sequence is named:
-- to look it up for each row is a quarter of the statement. Subplans, not joins: they are hashed whatever the session allows the planner,
-- so that the cost follows the batch. What wants tokens is theirs to grant (5); what wants a slot is put aside (4) and found by the gates.
with entry as materialized (
    select
        nextval('gd.instance_id_seq') as id,
        coalesce(to_timestamp(e.due_ms::float8 / 1000), now() + make_interval(secs => e.delay_ms::float8 / 1000)) as eligible_at,
        e.*
    from (
        select
            unnest($2::int[]) as fsm_id, unnest($3::int[]) as version, unnest($4::text[]) as step, unnest($5::bytea[]) as state,
            unnest($6::int[]) as queue_id, unnest($7::smallint[]) as priority, unnest($8::bigint[]) as delay_ms, unnest($9::text[]) as key,
            unnest($10::smallint[]) as keeps, unnest($11::bigint[]) as due_ms, unnest($12::boolean[]) as shared_key,
            unnest($13::text[]) as concurrency_key, unnest($14::text[]) as rate_limit, unnest($15::int[]) as weight,
            unnest($16::bigint[]) as parent, unnest($17::int[]) as child_round, unnest($18::int[]) as child_index,
            unnest($19::smallint[]) as depth, generate_series(1, cardinality($2::int[])) as ord
    ) e
),
taken as materialized (
    insert into gd.identity (tenant_id, key, holder, keeps)
    select $1, key, id, keeps from entry where key is not null and not shared_key order by key
    on conflict do nothing
    returning holder
),
started as (
    insert into gd.instance (
        id, eligible_at, tenant_id, fsm_id, queue_id, priority, correlation_key, shared_key, status, version, step, state,
        concurrency_key, rate_limit, weight, parent, child_round, child_index, depth)
    select
        e.id, e.eligible_at, $1, e.fsm_id, e.queue_id, e.priority, e.key, e.shared_key and e.key is not null,
        case when e.rate_limit is not null then 5 when e.concurrency_key is not null and e.eligible_at <= now() then 4 else 0 end,
        e.version, e.step, e.state, e.concurrency_key, e.rate_limit, e.weight, e.parent, e.child_round, e.child_index, e.depth
    from entry e
    where e.key is null or e.shared_key or e.id in (select holder from taken)
)
select
    case when e.key is null or e.shared_key or e.id in (select holder from taken) then e.id end as "started?",
    (
        select held.holder from gd.identity held where held.tenant_id = $1 and held.key = e.key and not e.shared_key
    ) as "holder?"
from entry e
order by e.ord
