-- $1 tenant, $2 ids below this one, $3 rows at most; filters, null for any: $4 fsm, $5 status, $6 step, $7 queue, $8 key, $9 version.
-- Newest first, over what lives and what is over. The filters and the limit stand in both branches, so that each walks its index on
-- the id from the top and stops. What stands aside for a slot or tokens is runnable to callers.
select
    i.id as "id!", f.name as "fsm!", i.version as "version!", i.status as "status!", i.held as "held!", i.step as "step!",
    i.attempt as "attempt!", i.faults as "faults!", i.visit as "visit!", i.claim as "claim!", q.name as "queue!",
    i.priority as "priority!", i.correlation_key, i.concurrency_key, i.rate_limit, i.weight as "weight!", i.parent, i.awaits, i.error_kind, i.error_message, i.error_code,
    (extract(epoch from i.eligible_at) * 1000)::bigint as eligible_at_ms,
    (extract(epoch from i.await_deadline) * 1000)::bigint as await_deadline_ms,
    (extract(epoch from i.created_at) * 1000)::bigint as "created_at_ms!",
    (extract(epoch from i.updated_at) * 1000)::bigint as "updated_at_ms!"
from (
    (select
        id, fsm_id, version, status, held, step, attempt, faults, visit, claim, queue_id, priority, correlation_key, concurrency_key,
        rate_limit, weight, parent, awaits,
        null::text as error_kind, null::text as error_message, null::text as error_code, eligible_at, await_deadline,
        created_at, updated_at
    from gd.instance
    where tenant_id = $1 and id < $2
      and ($4::text is null or fsm_id = (select f.id from gd.fsm f where f.tenant_id = $1 and f.name = $4))
      and ($5::smallint is null or status = $5 or ($5 = 0 and status in (4, 5)))
      and ($6::text is null or step = $6)
      and ($7::text is null or queue_id = (select q.id from gd.queue q where q.name = $7))
      and ($8::text is null or correlation_key = $8)
      and ($9::int is null or version = $9)
    order by id desc
    limit $3)
    union all
    (select
        id, fsm_id, version, status, false, step, attempt, faults, visit, claim, queue_id, priority, correlation_key, concurrency_key,
        rate_limit, weight, parent, null,
        error_kind, error_message, error_code, null, null, created_at, ended_at
    from gd.finished
    where tenant_id = $1 and id < $2
      and ($4::text is null or fsm_id = (select f.id from gd.fsm f where f.tenant_id = $1 and f.name = $4))
      and ($5::smallint is null or status = $5)
      and ($6::text is null or step = $6)
      and ($7::text is null or queue_id = (select q.id from gd.queue q where q.name = $7))
      and ($8::text is null or correlation_key = $8)
      and ($9::int is null or version = $9)
    order by id desc
    limit $3)
) i
join gd.fsm f on f.id = i.fsm_id
join gd.queue q on q.id = i.queue_id
order by i.id desc
limit $3
