-- $1 tenant, $2 instance. Its parent, which never changes; nothing comes back for an instance that is not live.
select parent from gd.instance where tenant_id = $1 and id = $2
