-- The history of one flush, in its transaction. $1 worker; per attempt: $2 instance, $3 claim, $4 visit, $5 attempt, $6 version,
-- $7 wake, $8 outcome, $9 duration in us, $10 CPU time in us, $11 step, $12 next step, $13 error kind, $14 error message,
-- $15 error code.
insert into gd.attempt (
    worker, instance_id, claim, visit, attempt, version, wake, outcome, duration_us, cpu_us, step, to_step,
    error_kind, error_message, error_code
)
select $1, *
from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::smallint[], $8::smallint[], $9::bigint[],
            $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
