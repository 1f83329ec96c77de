-- Owners of executing instances that are not alive; there should be none. Leans on instance_owner.
select distinct i.owner as "owner!"
from gd.instance i
where i.status = 1 and not exists (select from gd.worker w where w.id = i.owner and not w.dead)
limit 100
