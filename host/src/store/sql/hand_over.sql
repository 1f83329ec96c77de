-- $1 worker; per slot that this flush lets go of: $2 tenant, $3 concurrency key, $4 slot, $5 the queue whose rows the runner that had it
-- may go on with (-1: none). Each slot goes to the most urgent row that waits for it: executing here if its queue is that one, else
-- reserved. What was lost time and again runs alone, and is reserved. What waits for tokens as well goes to wait for those; the slot is
-- free then. A slot beyond a limit that was lowered goes to nobody. Leans on instance_wants_slot.
with freed as materialized (
    select
        u.tenant_id, u.key, u.slot, u.queue_id,
        row_number() over (partition by u.tenant_id, u.key order by u.slot) as place,
        count(*) over (partition by u.tenant_id, u.key) as slots
    from unnest($2::int[], $3::text[], $4::smallint[], $5::int[]) as u (tenant_id, key, slot, queue_id)
    left join gd.key_limit own on own.tenant_id = u.tenant_id and own.name = split_part(u.key, ':', 1)
    left join gd.key_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(u.key, ':', 1)
    where u.slot < coalesce(own.slots, everyones.slots, 1)
),
waiter as materialized (
    select k.tenant_id, k.key, w.id, w.place
    from (select distinct tenant_id, key, slots from freed) k
    cross join lateral (
        select locked.id, row_number() over (order by locked.priority, locked.eligible_at, locked.id) as place
        from (
            select i.id, i.priority, i.eligible_at from gd.instance i
            where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.status = 4 and not i.held
            order by i.priority, i.eligible_at
            limit k.slots
            for no key update skip locked
        ) locked
    ) w
)
update gd.instance i
set status = case when i.rate_limit is not null then 5 when i.queue_id = freed.queue_id and i.losses < 3 then 1 else 0 end,
    slot = case when i.rate_limit is null then freed.slot end,
    owner = case when i.rate_limit is null and i.queue_id = freed.queue_id and i.losses < 3 then $1::bigint end,
    claim = i.claim + (i.rate_limit is null and i.queue_id = freed.queue_id and i.losses < 3)::int,
    updated_at = now()
from waiter join freed using (tenant_id, key, place)
where i.id = waiter.id
returning
    freed.slot as "freed_slot!",
    i.status, i.id, i.tenant_id, i.queue_id, i.priority, i.fsm_id, i.version, i.step, i.state, i.attempt, i.faults, i.visit, i.claim, i.wake,
    i.correlation_key, i.awaits, i.concurrency_key, i.slot, i.rate_limit, i.weight, i.parent, i.depth, i.round, i.effect_results,
    (date_part('epoch', i.eligible_at) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
