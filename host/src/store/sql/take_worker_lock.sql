-- $1 worker. The session lock that dies with this connection; the first bytes of the proof that the worker lives.
select pg_try_advisory_lock($1) as "taken!"
