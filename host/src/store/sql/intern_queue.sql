-- $1 name. The number of a queue, given on first use. The update makes a row that stands already come back.
insert into gd.queue (name) values ($1)
on conflict (name) do update set name = excluded.name
returning id
