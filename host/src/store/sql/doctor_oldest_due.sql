-- The instance that has been due for longest and that nobody has claimed; none when there is none. The first row of each lane, by
-- the loose index scan over instance_lane of scan_lanes: suspects, which are run alone, are not counted.
with recursive lane as (
    (select i.tenant_id, i.queue_id, i.priority, i.eligible_at, i.id
     from gd.instance i
     where i.status = 0 and not i.held and i.losses < 3
     order by i.tenant_id, i.queue_id, i.priority, i.eligible_at
     limit 1)
    union all
    select following.*
    from lane cross join lateral (
        select i.tenant_id, i.queue_id, i.priority, i.eligible_at, i.id
        from gd.instance i
        where i.status = 0 and not i.held and i.losses < 3
          and (i.tenant_id, i.queue_id, i.priority) > (lane.tenant_id, lane.queue_id, lane.priority)
        order by i.tenant_id, i.queue_id, i.priority, i.eligible_at
        limit 1
    ) following
)
select id as "id!", (extract(epoch from now() - eligible_at) * 1000)::bigint as "due_for_ms!"
from lane
where eligible_at <= now()
order by eligible_at
limit 1
