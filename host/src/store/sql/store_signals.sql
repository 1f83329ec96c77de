-- What the steps of one flush send: $1 tenant; per signal: $2 instance (locked by this transaction), $3 name, $4 payload, $5 deduplication
-- key or null; $6 signals at most per inbox, $7 bytes at most, $8 wake. In their order. Says per signal: null for a target that does not
-- live, else whether it is stored, a duplicate, or found no room; and who was woken.
with entry as materialized (
    select e.*, i.status, i.awaits, i.tenant_id, i.queue_id, i.priority
    from unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[])
        with ordinality as e (target, name, payload, dedup_key, place)
    join gd.instance i on i.id = e.target and i.tenant_id = $1
),
fresh as materialized (
    select e.*
    from (
        select *, dedup_key is not null and row_number() over (partition by target, dedup_key order by place) > 1 as again from entry
    ) e
    where not e.again
      and not (e.dedup_key is not null and exists (
          select from gd.signal_dedup d where d.target = e.target and d.dedup_key = e.dedup_key
      ))
),
fits as materialized (
    select f.*
    from (
        select
            *,
            row_number() over (partition by target order by place) as signals,
            sum(octet_length(payload)) over (partition by target order by place) as bytes
        from fresh
    ) f
    cross join lateral (
        select count(*) as signals, coalesce(sum(octet_length(s.payload)), 0) as bytes from gd.signal s where s.target = f.target
    ) inbox
    where inbox.signals + f.signals <= $6::bigint and inbox.bytes + f.bytes <= $7::bigint
),
remembered as (
    insert into gd.signal_dedup (target, dedup_key) select target, dedup_key from fits where dedup_key is not null
),
stored as (
    insert into gd.signal (target, name, payload) select target, name, payload from fits order by place
),
woken as (
    update gd.instance i
    set status = 0, wake = $8, eligible_at = now(), await_deadline = null, updated_at = now()
    where i.status = 2 and i.id in (select target from fits where status = 2 and name = any(awaits))
    returning i.id
)
select
    e.place as "place!",
    fits.place is not null as "stored!",
    fresh.place is null as "duplicate!",
    e.status = 2 and e.name = any(e.awaits) and fits.place is not null as "woken!",
    e.tenant_id as "tenant_id!", e.queue_id as "queue_id!", e.priority as "priority!"
from entry e
left join fresh on fresh.place = e.place
left join fits on fits.place = e.place
