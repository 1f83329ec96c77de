-- $1 tenant, $2 instance. What keeps a live instance from running, as facts: by the database's clock, in milliseconds.
select
    i.status, i.held, i.step, i.attempt, i.faults, i.losses, i.lone_starts, i.fsm_id, i.version, i.awaits,
    f.name as "fsm!", q.name as "queue!", i.priority,
    (extract(epoch from i.eligible_at - now()) * 1000)::bigint as "due_in_ms!",
    (extract(epoch from i.await_deadline - now()) * 1000)::bigint as deadline_in_ms,
    (extract(epoch from now() - i.updated_at) * 1000)::bigint as "unchanged_ms!",
    w.host as "owner_host?", not w.dead as "owner_alive?",
    (extract(epoch from now() - w.beat_at) * 1000)::bigint as owner_silent_ms,
    (extract(epoch from w.expires_at - now()) * 1000)::bigint as lease_left_ms,
    (select count(*) from gd.worker l where not l.dead and l.expires_at > now()) as "workers!",
    (select count(*) from (
        select from gd.instance o
        where i.status = 0 and o.tenant_id = i.tenant_id and o.queue_id = i.queue_id and o.priority = i.priority
          and o.status = 0 and not o.held and o.losses < 3 and o.eligible_at < least(i.eligible_at, now())
        limit 1000
    ) ahead) as "ahead!",
    case when i.slot is not null then i.concurrency_key end as reserved,
    i.pending,
    (select count(*) from gd.child_outcome c where c.parent = i.id and c.round = i.round and c.status <> 20) as "ended!",
    last.error_kind as "last_error_kind?", last.error_message as "last_error_message?"
from gd.instance i
join gd.fsm f on f.id = i.fsm_id
join gd.queue q on q.id = i.queue_id
left join gd.worker w on w.id = i.owner
left join lateral (
    select a.error_kind, a.error_message from gd.attempt a where a.instance_id = i.id order by a.claim desc limit 1
) last on true
where i.tenant_id = $1 and i.id = $2
