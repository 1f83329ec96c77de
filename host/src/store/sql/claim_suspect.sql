-- $1 worker, $2 versions that this host cannot load, as in `claim`, $3 queues that this host runs (all where it is null). Claims one instance whose worker died three times in a row under it, and counts the start before it is made: this
-- commits durably, so that a start that takes the whole machine down has been counted. The live worker's row is held as in `claim`.
-- Leans on instance_suspect.
with live as materialized (
    select id from gd.worker where id = $1 and not dead for key share
),
suspect as materialized (
    select i.ctid as tid
    from live cross join lateral (
        select ctid from gd.instance
        where status = 0 and not held and losses >= 3 and eligible_at <= now() and (concurrency_key is null or slot is not null)
          and (fsm_id::bigint << 32) + version <> all ($2::bigint[])
          and ($3::int[] is null or queue_id = any ($3))
        order by eligible_at
        limit 1
        for no key update skip locked
    ) i
)
update gd.instance i
set status = 1, owner = $1, claim = i.claim + 1, lone_starts = i.lone_starts + 1
where i.ctid = any (array(select tid from suspect))
returning
    i.id, i.tenant_id, i.queue_id, i.priority, i.fsm_id, i.version, i.step, i.state, i.attempt, i.faults, i.visit, i.claim, i.wake,
    i.correlation_key, i.awaits, i.concurrency_key, i.slot, i.rate_limit, i.weight, i.parent, i.depth, i.round, i.effect_results, i.lone_starts,
    (date_part('epoch', i.eligible_at) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
