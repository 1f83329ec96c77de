-- $1 grace in ms, $2 rows at most. How many parked instances have had their deadline for longer. Leans on instance_deadline.
select count(*) as "overdue!"
from (
    select from gd.instance
    where status = 2 and await_deadline <= now() - make_interval(secs => $1::float8 / 1000)
    limit $2
) overdue
