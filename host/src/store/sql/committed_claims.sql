-- $1 worker; per attempt: $2 instance, $3 claim. Which of these attempts stand in the history: their commit went through, though
-- its answer was lost. What recovery (6) or an operator (7) wrote of an attempt is not its commit. Leans on attempt_instance.
select e.id as "id!", e.claim as "claim!"
from unnest($2::bigint[], $3::bigint[]) as e (id, claim)
where exists (
    select from gd.attempt a where a.instance_id = e.id and a.claim = e.claim and a.worker = $1 and a.outcome < 6
)
