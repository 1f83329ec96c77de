-- $1 silence in ms. Workers that may be dead: the lease is over, or no beat came for a while.
select id, expires_at < now() as "expired!"
from gd.worker
where not dead and (expires_at < now() or beat_at < now() - make_interval(secs => $1::float8 / 1000))
order by id
