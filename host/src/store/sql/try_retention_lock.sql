-- One host at a time sweeps. Held by the session, so that it is free when the host is gone.
select pg_try_advisory_lock(hashtextextended('gd.retention', 0)) as "locked!"
