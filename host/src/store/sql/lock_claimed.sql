-- $1 instances: all rows that one flush writes to, its own, the parents of what ends and the targets of signals, in the order of their ids, before anything is written: two flushes, or a flush and a
-- delivery, never wait for each other in a circle. No other condition belongs here: a partial index in it makes the plan
-- quadratic.
select i.id, i.owner, i.claim from gd.instance i where i.id = any($1::bigint[]) order by i.id for no key update
