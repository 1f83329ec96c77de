-- $1 id, $2 host, $3 lease in ms
insert into gd.worker (id, host, expires_at)
values ($1, $2, now() + make_interval(secs => $3::float8 / 1000))
