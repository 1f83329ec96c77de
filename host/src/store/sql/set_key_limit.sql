-- $1 tenant, 0 for every one, $2 name, $3 slots.
insert into gd.key_limit as l (tenant_id, name, slots)
values ($1, $2, $3)
on conflict (tenant_id, name) do update
set slots = excluded.slots, changed_at = now()
where l.slots <> excluded.slots
