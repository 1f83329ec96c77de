-- $1 tenant, $2 fsm, $3 the version that takes over, $4 versions whose state it reads, $5 steps that it has, $6 wake of a retry, $7 rows
-- at most. Moves what runs or waits; what executes is left until it comes back. Faults and deaths by the old code do not count against
-- the new one, and what waits for its next try is due at once. Rows that somebody has locked are left for the next round. Leans on
-- instance_version.
with movable as materialized (
    select id from gd.instance
    where tenant_id = $1 and fsm_id = $2 and version = any($4::int[]) and status in (0, 2, 3, 4, 5) and step = any($5::text[])
    order by id
    limit $7
    for no key update skip locked
)
update gd.instance i
set version = $3, faults = 0, losses = 0, lone_starts = 0, claim = i.claim + 1, updated_at = now(),
    eligible_at = case when i.status in (0, 4, 5) and i.wake = $6 then least(i.eligible_at, now()) else i.eligible_at end
where i.id = any (array(select id from movable))
returning i.tenant_id, i.queue_id, i.priority
