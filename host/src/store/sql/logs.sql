-- $1 instance (known to be the caller's), $2 claims above this one, $3 rows at most. Oldest first. Leans on attempt_log_instance and
-- attempt_instance.
select l.claim, l.lines, a.visit, a.attempt, a.step, a.version, (extract(epoch from l.at) * 1000)::bigint as "at_ms!"
from gd.attempt_log l
join gd.attempt a on a.instance_id = l.instance_id and a.claim = l.claim
where l.instance_id = $1 and l.claim > $2
order by l.claim
limit $3
