-- $1 tenant, $2 queue, $3 priority: the lane after which to go on; $4 lanes at most.
-- A loose index scan over instance_lane: a few microseconds per lane with work, nothing for idle tenants. Also says when the
-- first row of each lane is due.
with recursive lane as (
    (select i.tenant_id, i.queue_id, i.priority, i.eligible_at
     from gd.instance i
     where i.status = 0 and not i.held and i.losses < 3 and (i.tenant_id, i.queue_id, i.priority) > ($1::int, $2::int, $3::smallint)
     order by i.tenant_id, i.queue_id, i.priority, i.eligible_at
     limit 1)
    union all
    select following.*
    from lane cross join lateral (
        select i.tenant_id, i.queue_id, i.priority, i.eligible_at
        from gd.instance i
        where i.status = 0 and not i.held and i.losses < 3
          and (i.tenant_id, i.queue_id, i.priority) > (lane.tenant_id, lane.queue_id, lane.priority)
        order by i.tenant_id, i.queue_id, i.priority, i.eligible_at
        limit 1
    ) following
)
select
    tenant_id as "tenant_id!",
    queue_id as "queue_id!",
    priority as "priority!",
    greatest(0, extract(epoch from eligible_at - now()) * 1000)::bigint as "due_in_ms!"
from lane
limit $4
