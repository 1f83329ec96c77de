-- $1 tenant, $2 instance, $3 whether it is held. Held instances are not claimed; a step that runs now still commits. A slot that was
-- reserved for one is not kept from others meanwhile: it stands aside, and asks for a slot again when it is let go. Says where the
-- instance stands and waits; nothing comes back for one that is not live.
update gd.instance
set held = $3,
    status = case when $3 and status = 0 and slot is not null then 4 else status end,
    slot = case when $3 and status = 0 then null else slot end,
    updated_at = now()
where tenant_id = $1 and id = $2
returning status, tenant_id, queue_id, priority, concurrency_key, rate_limit
