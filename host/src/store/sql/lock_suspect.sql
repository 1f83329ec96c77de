-- $1 worker, $2 silence in ms. FOR UPDATE, not only the update that follows: it waits for claims in flight, which hold the row
-- FOR KEY SHARE, and the conditions are looked at again after the wait. Nothing comes back when the worker has beaten meanwhile.
select id from gd.worker
where id = $1 and not dead and (expires_at < now() or beat_at < now() - make_interval(secs => $2::float8 / 1000))
for update
