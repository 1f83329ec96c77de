-- $1 and $2 microseconds since the epoch from which and until which instances have ended, $3 and $4 the time and the id to go on after,
-- $5 rows at most. Those whose parent lives are spared.
select
    f.id, (extract(epoch from f.ended_at) * 1000000)::bigint as "ended_us!",
    f.parent is not null and exists (select from gd.instance p where p.id = f.parent) as "spared!"
from gd.finished f
where f.ended_at >= 'epoch'::timestamptz + $1::bigint * interval '1 us'
  and f.ended_at < 'epoch'::timestamptz + $2::bigint * interval '1 us'
  and f.ended_at >= 'epoch'::timestamptz + $3::bigint * interval '1 us'
  and (f.ended_at, f.id) > ('epoch'::timestamptz + $3::bigint * interval '1 us', $4)
order by f.ended_at, f.id
limit $5
