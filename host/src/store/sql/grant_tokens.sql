-- $1 worker; per row: $2 id, $3 status (0 runnable and paid, 1 executing here, 4 aside for a slot), $4 slot or null. A row that was
-- changed meanwhile, or that somebody has locked, is left as it is, and pays nothing.
with entry as materialized (
    select e.id, e.status, e.slot
    from unnest($2::bigint[], $3::smallint[], $4::smallint[]) as e (id, status, slot)
),
locked as materialized (
    select i.id from gd.instance i
    where i.id = any ($2::bigint[]) and i.status = 5 and not i.held
    order by i.id
    for no key update skip locked
)
update gd.instance i
set status = e.status,
    slot = e.slot,
    owner = case when e.status = 1 then $1::bigint end,
    claim = i.claim + (e.status = 1)::int,
    updated_at = now()
from locked join entry e on e.id = locked.id
where i.id = locked.id
returning
    i.status, i.id, i.tenant_id, i.queue_id, i.priority, i.fsm_id, i.version, i.step, i.state, i.attempt, i.faults, i.visit, i.claim, i.wake,
    i.correlation_key, i.awaits, i.concurrency_key, i.slot, i.rate_limit, i.weight, i.parent, i.depth, i.round, i.effect_results,
    (date_part('epoch', i.eligible_at) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
