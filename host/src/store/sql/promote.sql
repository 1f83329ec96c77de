-- $1 tenants, $2 concurrency keys, each once and locked by this transaction before. Reserves the free slots of each key for the most
-- urgent rows that wait for one, never more than may hold it, also where the limit was lowered under its holders: they are runnable then,
-- and the next claim takes them. What waits for tokens as well goes to wait for
-- those and holds no slot meanwhile. Rows that somebody has locked are left for the next look. Leans on instance_wants_slot and
-- instance_slot.
with key as materialized (
    select u.tenant_id, u.key, coalesce(own.slots, everyones.slots, 1)::int as slots
    from unnest($1::int[], $2::text[]) as u (tenant_id, key)
    left join gd.key_limit own on own.tenant_id = u.tenant_id and own.name = split_part(u.key, ':', 1)
    left join gd.key_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(u.key, ':', 1)
),
waiter as materialized (
    select k.tenant_id, k.key, k.slots, w.id, w.place
    from key k
    cross join lateral (
        select locked.id, row_number() over (order by locked.priority, locked.eligible_at, locked.id) as place
        from (
            select i.id, i.priority, i.eligible_at from gd.instance i
            where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.status = 4 and not i.held
            order by i.priority, i.eligible_at
            limit k.slots
            for no key update skip locked
        ) locked
    ) w
),
free as materialized (
    select k.tenant_id, k.key, s.slot, k.slots - held.slots as room, row_number() over (partition by k.tenant_id, k.key order by s.slot) as place
    from (select distinct tenant_id, key, slots from waiter) k
    cross join lateral (
        select count(*) as slots from gd.instance i
        where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.slot is not null
    ) held
    cross join lateral generate_series(0, k.slots - 1) as s (slot)
    where held.slots < k.slots and not exists (
        select from gd.instance i where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.slot = s.slot
    )
)
update gd.instance i
set status = case when i.rate_limit is null then 0 else 5 end,
    slot = case when i.rate_limit is null then free.slot::smallint end,
    updated_at = now()
from waiter join free using (tenant_id, key, place)
where i.id = waiter.id and free.place <= free.room
returning i.status, i.tenant_id, i.queue_id, i.priority, i.concurrency_key, i.rate_limit
