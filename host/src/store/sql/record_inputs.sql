-- What the attempts of one flush were handed, in its transaction; only of commits that were written. Per attempt: $1 instance, $2 claim,
-- $3 input as JSON.
insert into gd.attempt_input (instance_id, claim, input)
select * from unnest($1::bigint[], $2::bigint[], $3::bytea[])
