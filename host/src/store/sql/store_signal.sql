-- $1 instance (locked by the statement before this one), $2 name, $3 payload, $4 deduplication key or null, $5 signals at most,
-- $6 bytes at most, $7 wake, $8 the worker that claims what is woken, or null: as in a claim, its row is held FOR KEY SHARE, and it gets
-- nothing when it is dead by now. A signal whose key was seen is not stored again and wakes nobody.
with live as materialized (
    select id from gd.worker where id = $8 and not dead for key share
),
inbox as materialized (
    select count(*) as signals, coalesce(sum(octet_length(payload)), 0) as bytes from gd.signal where target = $1
),
seen as materialized (
    select $4::text is not null and exists (select from gd.signal_dedup where target = $1 and dedup_key = $4) as already
),
room as materialized (
    select inbox.signals < $5::bigint and inbox.bytes + octet_length($3::bytea) <= $6::bigint as there from inbox
),
remembered as (
    insert into gd.signal_dedup (target, dedup_key)
    select $1, $4 from seen, room where $4::text is not null and not seen.already and room.there
),
stored as (
    insert into gd.signal (target, name, payload)
    select $1, $2, $3 from seen, room where not seen.already and room.there
    returning id
),
woken as (
    update gd.instance i
    set status = case when live.id is null then 0 else 1 end,
        owner = live.id,
        claim = i.claim + case when live.id is null then 0 else 1 end,
        wake = $7, eligible_at = now(), await_deadline = null, updated_at = now()
    from stored left join live on true
    where i.id = $1 and i.status = 2 and $2 = any(i.awaits)
    returning i.owner
)
select
    seen.already as "duplicate!",
    room.there as "room!",
    exists (select from woken where owner is not null) as "claimed!",
    inbox.signals as "signals_before!",
    (select id from stored) as "stored?",
    (extract(epoch from now()) * 1000)::bigint as "received_at_ms!",
    (extract(epoch from clock_timestamp()) * 1000)::bigint as "now_ms!"
from seen, room, inbox
