-- $1 silence in ms. Workers that are alive, those of them that have been silent for longer, and the time since the youngest beat.
select
    count(*) as "alive!",
    count(*) filter (where beat_at < now() - make_interval(secs => $1::float8 / 1000)) as "silent!",
    (extract(epoch from now() - max(beat_at)) * 1000)::bigint as youngest_beat_ms
from gd.worker
where not dead and expires_at >= now()
