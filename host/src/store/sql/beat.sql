-- $1 worker, $2 lease in ms. Nothing comes back when the worker was declared dead. Also says whether others live.
update gd.worker
set beat_at = now(), expires_at = now() + make_interval(secs => $2::float8 / 1000)
where id = $1 and not dead
returning exists (select from gd.worker other where other.id <> $1 and not other.dead and other.expires_at > now()) as "others!"
