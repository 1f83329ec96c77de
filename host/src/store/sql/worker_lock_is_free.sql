-- $1 worker. Taken for this transaction only: free means that the worker's session is gone.
select pg_try_advisory_xact_lock($1) as "free!"
