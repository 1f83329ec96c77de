-- Children that were not started since their key is taken, as their parents will read them. Per child: $1 parent, $2 round, $3 index,
-- $4 the holder of the key, $5 fsm, $6 status.
insert into gd.child_outcome (parent, round, index, child, fsm_id, status, state)
select *, '' from unnest($1::bigint[], $2::int[], $3::int[], $4::bigint[], $5::int[], $6::smallint[])
