-- $1 tenants, $2 concurrency keys (locked by this transaction), $3 slots wanted of each. Free slot numbers. Leans on instance_slot.
select k.place as "place!", s.slot::smallint as "slot!"
from (
    select u.tenant_id, u.key, u.wanted, u.place, coalesce(own.slots, everyones.slots, 1)::int as slots
    from unnest($1::int[], $2::text[], $3::int[]) with ordinality as u (tenant_id, key, wanted, place)
    left join gd.key_limit own on own.tenant_id = u.tenant_id and own.name = split_part(u.key, ':', 1)
    left join gd.key_limit everyones on everyones.tenant_id = 0 and everyones.name = split_part(u.key, ':', 1)
) k
cross join lateral (
    select least(k.slots, count(*)) as slots from gd.instance i
    where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.slot is not null
) held
cross join lateral (
    select s.slot from generate_series(0, k.slots - 1) as s (slot)
    where not exists (
        select from gd.instance i where i.tenant_id = k.tenant_id and i.concurrency_key = k.key and i.slot = s.slot
    )
    order by s.slot
    limit least(k.wanted, k.slots - held.slots)
) s
order by k.place, s.slot
