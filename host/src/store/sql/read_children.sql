-- $1 parents, $2 bytes at most. What the children of each left, in the order in which they were asked for; payloads beyond so many bytes
-- are left out, and read one by one. Leans on the primary key.
select
    c.parent, c.round, c.index, c.child, f.name as "fsm!", c.status, c.error_kind, c.error_message, c.error_code,
    case when c.bytes <= $2::bigint then c.state else '' end as "state!",
    case when c.bytes <= $2::bigint or c.result is null then c.result else '' end as result
from (
    select *, sum(octet_length(state) + coalesce(octet_length(result), 0)) over (partition by parent order by round, index) as bytes
    from gd.child_outcome
    where parent = any($1::bigint[])
) c
join gd.fsm f on f.id = c.fsm_id
order by c.parent, c.round, c.index
