-- $1 tenant, $2 parents. Children that live, and those that are over but have made children themselves. Leans on instance_parent and
-- finished_parent.
select id as "id!", true as "live!", round as "rounds!" from gd.instance where parent = any ($2::bigint[]) and tenant_id = $1
union all
select id, false, round from gd.finished where parent = any ($2::bigint[]) and tenant_id = $1 and round > 0
order by 1
