-- $1 owner, known to be dead; $2 rows at most; $3 outcome of the lost attempt in the history; $4 wake of the next one.
-- Rows that somebody else has locked are left for the next sweep. The claim moves, so that whatever the dead worker still
-- sends matches nothing. Leans on instance_owner.
with lost as materialized (
    select id from gd.instance where owner = $1 and status = 1 order by id limit $2 for no key update skip locked
),
recorded as (
    insert into gd.attempt (instance_id, claim, worker, visit, attempt, version, wake, outcome, step)
    select i.id, i.claim, i.owner, i.visit, i.attempt, i.version, i.wake, $3, i.step
    from gd.instance i join lost using (id)
)
update gd.instance i
set status = 0, owner = null, claim = i.claim + 1, attempt = i.attempt + 1, wake = $4, updated_at = now()
from lost
where i.id = lost.id
returning i.tenant_id, i.queue_id, i.priority
