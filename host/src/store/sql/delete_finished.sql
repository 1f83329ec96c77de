-- $1 instances that are over for good, $2 when they ended, in microseconds since the epoch. Deletes them and their history, where a
-- partition cannot go as a whole. Children of theirs that stay have no parent from now on.
with gone as materialized (
    select u.id, 'epoch'::timestamptz + u.ended_us * interval '1 us' as ended_at from unnest($1::bigint[], $2::bigint[]) as u (id, ended_us)
),
attempts as (delete from gd.attempt a using gone g where a.instance_id = g.id),
logs as (delete from gd.attempt_log l using gone g where l.instance_id = g.id),
inputs as (delete from gd.attempt_input i using gone g where i.instance_id = g.id),
children as (
    update gd.finished c set parent = null from gone g
    where c.parent = g.id and not exists (select from gone other where other.id = c.id)
)
delete from gd.finished f using gone g where f.id = g.id and f.ended_at = g.ended_at
