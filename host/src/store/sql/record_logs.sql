-- What the attempts of one flush logged, in its transaction; only of commits that were written. Per attempt: $1 instance, $2 claim,
-- $3 lines as JSON.
insert into gd.attempt_log (instance_id, claim, lines)
select * from unnest($1::bigint[], $2::bigint[], $3::bytea[])
