-- $1 tenant, $2 instance, $3 whether it is held. Held instances are not claimed; a step that runs now still commits. Says where the
-- instance stands and waits; nothing comes back for one that is not live.
update gd.instance
set held = $3, updated_at = now()
where tenant_id = $1 and id = $2
returning status, tenant_id, queue_id, priority, concurrency_key, rate_limit
