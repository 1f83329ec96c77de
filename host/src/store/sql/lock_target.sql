-- $1 tenant, $2 instance, $3 name of a signal for it. Taken before the signal is written and held until its commit: whoever parks or ends
-- this instance waits, or is waited for. Nothing comes back for an instance that is not live. Says whether the signal will wake it so that
-- a worker may have it at once, and then also what a claim tells of it.
select
    i.status = 2 and $3 = any(i.awaits) and not i.held and i.losses < 3 and i.concurrency_key is null as "claimable!",
    i.id, i.tenant_id, i.queue_id, i.priority, i.fsm_id, i.version, i.step, i.attempt, i.faults, i.visit, i.claim, i.wake,
    i.correlation_key, i.awaits, i.concurrency_key, i.slot, i.parent, i.depth, i.round, i.effect_results,
    case when i.status = 2 then i.state else '' end as "state!",
    (date_part('epoch', now()) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
from gd.instance i
where i.tenant_id = $1 and i.id = $2
for no key update
