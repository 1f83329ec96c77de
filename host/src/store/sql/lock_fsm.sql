-- $1 tenant, $2 name. Makes the FSM on its first deploy; the row lock lets one deploy of an FSM number its version at a time.
insert into gd.fsm (tenant_id, name) values ($1, $2)
on conflict (tenant_id, name) do update set name = excluded.name
returning id
