-- The outcomes of one flush after which the instance lives on. $1 owner; the arrays hold one entry per instance:
-- $2 id, $3 claim, $4 status (0 runnable, 1 run on, 2 park for a signal, 3 park for children), $5 step (null: keep), $6 state (null: keep), $7 attempt, $8 faults,
-- $9 new visit, $10 delay in ms, $11 awaited names joined by U+001F (null: none), $12 keep the awaited names, $13 timeout in ms
-- (null: none), $14 wake, $15 ids of the signals that the attempt was handed as awaited, joined by commas,
-- $16 what becomes of the concurrency key (0 keep, 1 release, 2 switch), $17 the key to switch to, $18 what the next attempt draws
-- (0 nothing, 1 the same again, 2 as given), $19 bucket, $20 weight, $21 children that were started, $22 whether a round of children
-- was made, $23 what became of the effects (null: none), $24 whether what stands there stays without.
-- The fence is owner and claim; status stays out of it, or the planner turns to instance_owner. A range of one id: a plan that was made
-- while the table was empty would walk all of its primary key in the order of an equality instead of looking each row up. The rows were locked by the
-- statement before this one, so that this one's snapshot has every delivery that was accepted before: an awaited signal that the
-- step was not handed is seen here, and a later delivery waits for this commit. What was paused meanwhile does not run on.
with entry as materialized (
    select id, claim, status, step, state, attempt, faults, new_visit, delay_ms, keep_awaits, timeout_ms, wake, key_change, new_key, draws, bucket, weight,
        children, new_round, effect_results, keep_results,
        string_to_array(awaits, E'\x1f') as awaits,
        string_to_array(handed, ',')::bigint[] as handed
    from unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::text[], $6::bytea[], $7::int[], $8::int[], $9::boolean[],
                $10::bigint[], $11::text[], $12::boolean[], $13::bigint[], $14::smallint[], $15::text[], $16::smallint[],
                $17::text[], $18::smallint[], $19::text[], $20::int[], $21::int[], $22::boolean[], $23::bytea[], $24::boolean[])
         as e (id, claim, status, step, state, attempt, faults, new_visit, delay_ms, awaits, keep_awaits, timeout_ms, wake, handed, key_change,
               new_key, draws, bucket, weight, children, new_round, effect_results, keep_results)
)
update gd.instance i
set status = case
        when e.status = 2 and exists (
            select from gd.signal s where s.target = e.id and s.name = any(e.awaits) and s.id <> all(e.handed)
        ) then 0
        when e.status in (2, 3) then e.status
        when e.status = 1 and not i.held then 1
        when e.draws = 2 or (e.draws = 1 and i.rate_limit is not null) then 5
        when e.delay_ms = 0 and case e.key_change when 0 then i.concurrency_key when 2 then e.new_key end is not null then 4
        else 0
    end,
    concurrency_key = case e.key_change when 0 then i.concurrency_key when 2 then e.new_key end,
    slot = case when e.status = 1 and not i.held and e.key_change <> 1 then i.slot end,
    rate_limit = case e.draws when 1 then i.rate_limit when 2 then e.bucket end,
    weight = case e.draws when 1 then i.weight when 2 then e.weight else 1 end,
    pending = e.children,
    round = i.round + e.new_round::int,
    effect_results = case when e.keep_results then coalesce(e.effect_results, i.effect_results) else e.effect_results end,
    owner = case when e.status = 1 and not i.held then i.owner end,
    claim = i.claim + 1,
    step = coalesce(e.step, i.step),
    state = coalesce(e.state, i.state),
    attempt = e.attempt,
    faults = e.faults,
    losses = 0,
    lone_starts = 0,
    visit = i.visit + e.new_visit::int,
    wake = e.wake,
    eligible_at = case
        when e.status = 1 and not i.held then i.eligible_at
        else now() + make_interval(secs => e.delay_ms::float8 / 1000)
    end,
    awaits = case when e.keep_awaits then i.awaits else e.awaits end,
    await_deadline = case
        when e.status = 2 and e.timeout_ms is not null then now() + make_interval(secs => e.timeout_ms::float8 / 1000)
    end,
    updated_at = now()
from entry e
where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1
returning
    i.id, e.claim as "claim!", i.status, i.tenant_id, i.queue_id, i.priority, i.concurrency_key, i.rate_limit,
    (extract(epoch from now()) * 1000)::bigint as "now_ms!"
