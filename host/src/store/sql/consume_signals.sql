-- $1 instances, $2 signals: what the commits of this flush consume; only of commits that were written. Leans on the primary key.
delete from gd.signal s
using unnest($1::bigint[], $2::bigint[]) as consumed (target, id)
where s.target = any(array[consumed.target]) and s.id = consumed.id
