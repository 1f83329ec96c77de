-- One start without keys and limits: $1 tenant, $2 fsm, $3 version, $4 step, $5 state, $6 queue, $7 priority, $8 delay in ms, $9 the worker
-- that claims it in the same breath, or null. Nothing is started, and nothing comes back, where callers are not routed to that version any
-- more. As in a claim, the live worker's row is held FOR KEY SHARE; one that is dead by now claims nothing.
with live as materialized (
    select id from gd.worker where id = $9 and not dead for key share
)
insert into gd.instance (tenant_id, fsm_id, version, step, state, queue_id, priority, eligible_at, status, owner, claim)
select
    $1, f.id, f.routed_version, $4, $5, $6, $7, now() + make_interval(secs => $8::bigint::float8 / 1000),
    case when live.id is null then 0 else 1 end, live.id, case when live.id is null then 0 else 1 end
from gd.fsm f left join live on true
where f.id = $2 and f.routed_version = $3
returning
    id, owner is not null as "claimed!", (date_part('epoch', eligible_at) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
