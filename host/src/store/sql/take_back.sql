-- $1 owner, known to be dead; $2 rows at most; $3 outcome of the lost attempt in the history; $4 wake of the next one.
-- Rows that somebody else has locked are left for the next sweep. Slots are free by it; what drew tokens draws again. The claim moves, so that whatever the dead worker still
-- sends matches nothing. The history takes what was locked, which is newer than this statement's snapshot. Leans on instance_owner.
with lost as materialized (
    select id, claim, visit, attempt, version, wake, step
    from gd.instance
    where owner = $1 and status = 1
    order by id
    limit $2
    for no key update skip locked
),
recorded as (
    insert into gd.attempt (instance_id, claim, worker, visit, attempt, version, wake, outcome, step)
    select id, claim, $1, visit, attempt, version, wake, $3, step from lost
)
update gd.instance i
set status = case when i.rate_limit is not null then 5 when i.concurrency_key is not null then 4 else 0 end,
    owner = null, slot = null, claim = i.claim + 1, attempt = i.attempt + 1, losses = i.losses + 1, wake = $4, updated_at = now()
where i.id = any (array(select id from lost))
returning i.status, i.tenant_id, i.queue_id, i.priority, i.concurrency_key, i.rate_limit
