-- The plain outcomes of one flush: `next` that runs on, and `done` of an instance without a parent. They touch no row but their own, so
-- that one statement is the whole commit, with its history. $1 worker; per attempt that goes on: $2 instance, $3 claim, $4 next step,
-- $5 its new state, and for the history $6 whether it keeps one, $7 step, $8 visit, $9 attempt, $10 version, $11 wake, $12 duration
-- in us, $13 CPU time in us; per attempt that is done: $14 instance, $15 claim, $16 its result, $17 to $24 as $6 to $13. Each stands in the
-- order of its ids. `place` counts from 1 among those that go on, and from -1 downwards among those that are done.
-- The fence is owner and claim; status stays out of it, or the planner turns to instance_owner. Nothing is locked before: no wake-up
-- depends on what is written here. The inboxes of those that end are cleared once all of them are locked: `array(…)` reads `ended` to its
-- end before the function is called, which sees what was delivered until then. What was paused meanwhile does not run on. What the history needs comes along with each entry: a join of two parts of this statement would
-- be quadratic. The arrays are unnested side by side in a select list, which hands their elements out as they stand: as functions in a
-- `from`, each would be copied into a store of its own first. Ranges and arrays of one: a plan that was made while the
-- tables were empty would walk a whole index in the order of an equality instead of looking each row up.
with moved as (
    update gd.instance i
    set status = (not i.held)::int,
        owner = case when not i.held then i.owner end,
        eligible_at = case when i.held then now() else i.eligible_at end,
        claim = i.claim + 1,
        step = e.to_step,
        state = e.payload,
        attempt = 0,
        faults = 0,
        losses = 0,
        lone_starts = 0,
        visit = i.visit + 1,
        wake = 1,
        awaits = null,
        await_deadline = null,
        pending = 0,
        effect_results = null,
        rate_limit = null,
        weight = 1,
        updated_at = now()
    from (
        select
            unnest($2::bigint[]) as id, unnest($3::bigint[]) as claim, unnest($4::text[]) as to_step, unnest($5::bytea[]) as payload,
            unnest($6::boolean[]) as recorded, unnest($7::text[]) as step, unnest($8::bigint[]) as visit, unnest($9::int[]) as attempt,
            unnest($10::int[]) as version, unnest($11::smallint[]) as wake, unnest($12::bigint[]) as duration_us,
            unnest($13::bigint[]) as cpu_us, generate_series(1, cardinality($2::bigint[])) as place
    ) e
    where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1
    returning
        e.place, e.id, e.claim, e.recorded, e.step, e.to_step, e.visit, e.attempt, e.version, e.wake, e.duration_us, e.cpu_us,
        i.status, i.tenant_id, i.queue_id, i.priority,
        exists (select from gd.signal s where s.target = i.id) as has_mail
),
ended as (
    delete from gd.instance i
    using (
        select
            unnest($14::bigint[]) as id, unnest($15::bigint[]) as claim, unnest($16::bytea[]) as result,
            unnest($17::boolean[]) as recorded, unnest($18::text[]) as step, unnest($19::bigint[]) as visit, unnest($20::int[]) as attempt,
            unnest($21::int[]) as version, unnest($22::smallint[]) as wake, unnest($23::bigint[]) as duration_us,
            unnest($24::bigint[]) as cpu_us, generate_series(1, cardinality($14::bigint[])) as place
    ) e
    where i.id between e.id and e.id and i.claim = e.claim and i.owner = $1
    returning
        e.*, i.created_at, i.tenant_id, i.fsm_id, i.queue_id, i.version as ran, i.priority, i.faults, i.correlation_key, i.shared_key,
        i.state, i.concurrency_key, i.rate_limit, i.weight, i.depth, i.round
),
freed as (
    delete from gd.identity k
    using ended
    where k.tenant_id = any(array[ended.tenant_id]) and k.key between ended.correlation_key and ended.correlation_key
      and k.holder = ended.id and k.keeps & 1 = 0
),
finished as (
    insert into gd.finished (
        id, created_at, tenant_id, fsm_id, queue_id, version, status, priority, attempt, faults, visit, claim, correlation_key, step,
        state, result, concurrency_key, rate_limit, weight, depth, round, shared_key
    )
    select
        id, created_at, tenant_id, fsm_id, queue_id, ran, 10, priority, attempt, faults, visit, claim + 1, correlation_key, step,
        state, result, concurrency_key, rate_limit, weight, depth, round, shared_key
    from ended
),
recorded as (
    insert into gd.attempt (
        worker, instance_id, claim, visit, attempt, version, wake, outcome, duration_us, cpu_us, step, to_step
    )
    select $1, id, claim, visit, attempt, version, wake, 0, duration_us, cpu_us, step, to_step from moved where recorded
    union all
    select $1, id, claim, visit, attempt, version, wake, 3, duration_us, cpu_us, step, null from ended where recorded
)
select
    place as "place!", status as "status!", tenant_id as "tenant_id!", queue_id as "queue_id!", priority as "priority!",
    has_mail as "has_mail!", (extract(epoch from now()) * 1000)::bigint as "now_ms!"
from moved
union all
select -place, 10::smallint, tenant_id, queue_id, priority, false, 0
from ended cross join gd.clear_inboxes(array(select id from ended))
