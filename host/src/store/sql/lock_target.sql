-- $1 tenant, $2 instance. Taken before the signal is written and held until its commit: whoever parks or ends this instance
-- waits, or is waited for. Nothing comes back for an instance that is not live.
select id from gd.instance where tenant_id = $1 and id = $2 for no key update
