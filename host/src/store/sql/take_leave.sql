-- $1 instances that are over for good, $2 when they ended, in microseconds since the epoch. Removes what they left elsewhere: keys that
-- they kept, inboxes, deduplication keys, outcomes of their children. Their live children have no parent from now on.
with gone as materialized (
    select f.id, f.tenant_id, f.correlation_key
    from unnest($1::bigint[], $2::bigint[]) as u (id, ended_us)
    join gd.finished f on f.id = u.id and f.ended_at = 'epoch'::timestamptz + u.ended_us * interval '1 us'
),
keys as (
    delete from gd.identity k using gone g where k.tenant_id = g.tenant_id and k.key = g.correlation_key and k.holder = g.id
),
signals as (delete from gd.signal s using gone g where s.target = g.id),
dedups as (delete from gd.signal_dedup s using gone g where s.target = g.id),
outcomes as (delete from gd.child_outcome o using gone g where o.parent = g.id)
update gd.instance c set parent = null
where c.id = any (array(
    select i.id from gone g join gd.instance i on i.parent = g.id order by i.id for no key update of i
))
