-- $1 parent, $2 round, $3 index. What one child left.
select state, result from gd.child_outcome where parent = $1 and round = $2 and index = $3
