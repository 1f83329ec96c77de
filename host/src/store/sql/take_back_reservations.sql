-- $1 rows at most, $2 age in ms. A reserved slot that nobody has claimed for so long, because no host serves the row's queue or none can
-- load its version, is to go to the most urgent waiter of another queue or version, which this locks; where there is none, it stays.
-- Leans on instance_slot and instance_wants_slot.
with idle as materialized (
    select i.id, i.tenant_id, i.concurrency_key, i.slot, i.queue_id, i.fsm_id, i.version
    from gd.instance i
    where i.slot is not null and i.status = 0 and i.updated_at < now() - make_interval(secs => $2::float8 / 1000)
    order by i.id
    limit $1
    for no key update skip locked
),
waiter as materialized (
    select idle.id as idle_id, idle.slot, w.id
    from (select distinct on (tenant_id, concurrency_key) * from idle order by tenant_id, concurrency_key, id) idle
    cross join lateral (
        select i.id from gd.instance i
        where i.tenant_id = idle.tenant_id and i.concurrency_key = idle.concurrency_key and i.status = 4 and not i.held
          and (i.queue_id, i.fsm_id, i.version) <> (idle.queue_id, idle.fsm_id, idle.version)
        order by i.priority, i.eligible_at
        limit 1
        for no key update skip locked
    ) w
),
aside as (
    update gd.instance i set status = 4, slot = null, claim = i.claim + 1, updated_at = now()
    from waiter where i.id = waiter.idle_id
    returning i.id
)
select waiter.id as "waiter!", waiter.slot as "slot!"
from waiter join aside on aside.id = waiter.idle_id
