-- $1 age in ms. Rows of workers that are long dead and hold nothing.
delete from gd.worker w
where w.dead and w.beat_at < now() - make_interval(secs => $1::float8 / 1000)
  and not exists (select from gd.instance i where i.owner = w.id and i.status = 1)
