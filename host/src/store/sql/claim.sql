-- $1 worker, $2 tenants, $3 queues, $4 priorities, $5 rows at most: the last four per lane. $6 versions that this host cannot
-- load, each as FSM * 2^32 + number: their rows are passed over.
-- The live worker's row is held FOR KEY SHARE: it cannot be declared dead before this is committed, so that no row is ever
-- taken for an owner that nobody watches. Rows that were lost three times in a row are left to the lone run. Equality per lane keeps instance_lane ordered; rows that others hold are skipped.
-- A row that runs under a concurrency key and has no slot reserved is put aside instead (status 4), once: who gets a slot is decided
-- among those that wait for it. An array of tids, not a join: the planner guesses thousands of candidates and would read the whole table to join them.
with live as materialized (
    select id from gd.worker where id = $1 and not dead for key share
),
candidate as materialized (
    select picked.tid
    from unnest($2::int[], $3::int[], $4::smallint[], $5::int[]) as lane (tenant_id, queue_id, priority, rows_max)
    cross join live
    cross join lateral (
        select i.ctid as tid
        from gd.instance i
        where i.tenant_id = lane.tenant_id and i.queue_id = lane.queue_id and i.priority = lane.priority
          and i.status = 0 and not i.held and i.losses < 3 and i.eligible_at <= now()
          and (i.fsm_id::bigint << 32) + i.version <> all ($6::bigint[])
        order by i.eligible_at
        limit lane.rows_max
        for no key update skip locked
    ) picked
)
update gd.instance i
set status = case when i.concurrency_key is null or i.slot is not null then 1 else 4 end,
    owner = case when i.concurrency_key is null or i.slot is not null then $1::bigint end,
    claim = i.claim + (i.concurrency_key is null or i.slot is not null)::int
where i.ctid = any (array(select tid from candidate))
returning
    i.status, i.id, i.tenant_id, i.queue_id, i.priority, i.fsm_id, i.version, i.step, i.state, i.attempt, i.faults, i.visit, i.claim, i.wake,
    i.correlation_key, i.awaits, i.concurrency_key, i.slot, i.rate_limit, i.weight, i.parent, i.depth, i.round, i.effect_results,
    exists (select from gd.signal s where s.target = i.id) as "has_mail!",
    (date_part('epoch', i.eligible_at) * 1000000)::bigint as "eligible_at_us!",
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
