-- $1 tenant, $2 parent, $3 round and $4 index: those after which to go on; $5 rows at most. The children of an instance: those that live,
-- those that are over, and those that were not made because their key was taken, with the holder. Leans on instance_parent,
-- finished_parent and the primary key of child_outcome.
select
    c.round as "round!", c.index as "index!", c.id as "id!", f.name as "fsm!", c.status as "status!", c.step, c.rounds as "rounds!",
    c.error_kind, c.error_message, c.error_code
from (
    select
        child_round as round, child_index as index, id, fsm_id, status, step, round as rounds,
        null::text as error_kind, null::text as error_message, null::text as error_code
    from gd.instance
    where parent = $2 and tenant_id = $1 and (child_round, child_index) > ($3::int, $4::int)
    union all
    select child_round, child_index, id, fsm_id, status, step, round, error_kind, error_message, error_code
    from gd.finished
    where parent = $2 and tenant_id = $1 and (child_round, child_index) > ($3::int, $4::int)
    union all
    select c.round, c.index, c.child, c.fsm_id, c.status, null, 0, null, null, null
    from gd.child_outcome c join gd.instance p on p.id = c.parent
    where c.parent = $2 and p.tenant_id = $1 and c.status = 20 and (c.round, c.index) > ($3::int, $4::int)
) c
join gd.fsm f on f.id = c.fsm_id
order by c.round, c.index
limit $5
