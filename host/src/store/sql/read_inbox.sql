-- $1 instances. Every unconsumed signal, oldest first per instance. Leans on the primary key.
select
    s.target, s.id, s.name, s.payload,
    (extract(epoch from s.received_at) * 1000)::bigint as "received_at_ms!"
from gd.signal s
where s.target = any($1::bigint[])
order by s.target, s.id
