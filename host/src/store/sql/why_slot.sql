-- $1 tenant, $2 instance. What an instance that stands aside for a slot waits for: its key, who holds it, how many come before it.
-- Nothing comes back once it does not. Leans on instance_slot and instance_wants_slot.
select
    i.concurrency_key as "key!",
    coalesce(own.slots, everyones.slots, 1)::bigint as "slots!",
    array(
        select h.id from gd.instance h
        where h.tenant_id = i.tenant_id and h.concurrency_key = i.concurrency_key and h.slot is not null
        order by h.slot limit 3
    ) as "holders!",
    (select count(*) from (
        select from gd.instance o
        where o.tenant_id = i.tenant_id and o.concurrency_key = i.concurrency_key and o.status = 4 and not o.held
          and (o.priority, o.eligible_at) < (i.priority, i.eligible_at)
        limit 1000
    ) ahead) as "ahead!"
from gd.instance i
left join gd.key_limit own on own.tenant_id = i.tenant_id and own.name = split_part(i.concurrency_key, ':', 1)
left join gd.key_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(i.concurrency_key, ':', 1)
where i.tenant_id = $1 and i.id = $2 and i.status = 4
