-- Concurrency keys to decide about: $1 tenants, $2 keys. Says the places, from 1, of those that nobody else decides about now: they stay
-- this transaction's until it ends. Never waits.
select u.place as "place!"
from unnest($1::int[], $2::text[]) with ordinality as u (tenant_id, key, place)
where pg_try_advisory_xact_lock(hashtextextended(u.key, u.tenant_id))
