-- $1 tenant, $2 concurrency key: the one after which to go on; $3 keys at most. Keys that somebody waits for although fewer rows hold
-- them than have a place. A loose index scan over instance_wants_slot: it costs by the keys that are waited for, not by who waits.
with recursive waiting as (
    (select i.tenant_id, i.concurrency_key as key
     from gd.instance i
     where i.status = 4 and not i.held and (i.tenant_id, i.concurrency_key) > ($1::int, $2::text)
     order by i.tenant_id, i.concurrency_key
     limit 1)
    union all
    select following.*
    from waiting cross join lateral (
        select i.tenant_id, i.concurrency_key
        from gd.instance i
        where i.status = 4 and not i.held and (i.tenant_id, i.concurrency_key) > (waiting.tenant_id, waiting.key)
        order by i.tenant_id, i.concurrency_key
        limit 1
    ) following
)
select k.tenant_id as "tenant_id!", k.key as "key!", held.slots < coalesce(own.slots, everyones.slots, 1) as "free!"
from (select * from waiting limit $3) k
left join gd.key_limit own on own.tenant_id = k.tenant_id and own.name = split_part(k.key, ':', 1)
left join gd.key_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(k.key, ':', 1)
cross join lateral (
    select count(*) as slots
    from (
        select from gd.instance i
        where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.slot is not null
        limit coalesce(own.slots, everyones.slots, 1)
    ) holder
) held
