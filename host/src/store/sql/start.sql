-- $1 tenant; per instance: $2 fsm, $3 version, $4 step, $5 state, $6 queue, $7 priority, $8 delay in ms, $9 correlation key or null,
-- $10 the ends beyond which the key is kept, $11 ms since the epoch at which it is due, instead of the delay, or null. Keys are taken in their order, so that two batches never wait in a circle. An entry whose
-- key is held already comes back with the holder; with neither, the holder was gone within this statement: look again.
with entry as materialized (
    select nextval(pg_get_serial_sequence('gd.instance', 'id')) as id, e.*
    from unnest($2::int[], $3::int[], $4::text[], $5::bytea[], $6::int[], $7::smallint[], $8::bigint[], $9::text[], $10::smallint[],
                $11::bigint[])
             with ordinality as e (fsm_id, version, step, state, queue_id, priority, delay_ms, key, keeps, due_ms, ord)
),
taken as (
    insert into gd.identity (tenant_id, key, holder, keeps)
    select $1, key, id, keeps from entry where key is not null order by key, ord
    on conflict do nothing
    returning holder
),
started as (
    insert into gd.instance (id, eligible_at, tenant_id, fsm_id, queue_id, priority, correlation_key, version, step, state)
    select
        e.id, coalesce(to_timestamp(e.due_ms::float8 / 1000), now() + make_interval(secs => e.delay_ms::float8 / 1000)), $1, e.fsm_id, e.queue_id, e.priority, e.key, e.version,
        e.step, e.state
    from entry e left join taken on taken.holder = e.id
    where e.key is null or taken.holder is not null
    returning id
)
select
    e.ord as "ord!",
    started.id as "started?",
    held.holder as "holder?"
from entry e
left join started on started.id = e.id
left join gd.identity held on held.tenant_id = $1 and held.key = e.key
order by e.ord
