-- Every incarnation that is known, the youngest first, and how many instances it holds. `silent_ms` is the time since its last beat.
select
    w.id, w.host, w.dead, w.expires_at < now() as "expired!",
    (extract(epoch from w.started_at) * 1000)::bigint as "started_at_ms!",
    (extract(epoch from w.beat_at) * 1000)::bigint as "beat_at_ms!",
    (extract(epoch from now() - w.beat_at) * 1000)::bigint as "silent_ms!",
    (select count(*) from gd.instance i where i.owner = w.id and i.status = 1) as "holds!"
from gd.worker w
order by w.started_at desc
limit 1000
