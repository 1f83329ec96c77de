-- $1 name
select id from gd.tenant where name = $1
