-- $1 instance (known to be the caller's), $2 claims above this one, $3 rows at most. Oldest first. Leans on attempt_instance.
select
    claim, visit, attempt, step, version, wake, outcome, to_step, duration_us, cpu_us, worker, error_kind, error_message, error_code,
    (extract(epoch from at) * 1000)::bigint as "at_ms!"
from gd.attempt
where instance_id = $1 and claim > $2
order by claim
limit $3
