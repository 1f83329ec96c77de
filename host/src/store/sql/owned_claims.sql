-- $1 owner. What the database thinks this worker holds, to give back what it does not. Leans on instance_owner.
select id, claim from gd.instance where owner = $1 and status = 1
