-- $1 rows at most, $2 wake. Parked instances whose deadline has passed. Rows that a delivery holds are left to it. Leans on
-- instance_deadline.
with due as materialized (
    select id from gd.instance
    where status = 2 and await_deadline <= now()
    order by await_deadline
    limit $1
    for no key update skip locked
)
update gd.instance i
set status = 0, wake = $2, eligible_at = now(), await_deadline = null, updated_at = now()
where i.id = any (array(select id from due))
returning i.tenant_id, i.queue_id, i.priority
