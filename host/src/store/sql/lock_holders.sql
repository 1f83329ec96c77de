-- $1 tenants, $2 concurrency keys. Waits until a flush that may be letting go of a slot of each has ended: what it hands over it has
-- chosen before this, and cannot know of whoever was put aside meanwhile. In the order of the ids, as a flush locks. Leans on
-- instance_slot.
select e.id
from (
    select holder.id
    from unnest($1::int[], $2::text[]) as u (tenant_id, key)
    cross join lateral (
        select i.id from gd.instance i
        where i.tenant_id = u.tenant_id and i.concurrency_key = u.key and i.slot is not null
        limit 1
    ) holder
) k
join gd.instance e on e.id = k.id
where e.slot is not null
order by e.id
for share of e
