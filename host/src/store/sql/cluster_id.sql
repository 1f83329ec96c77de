-- The random id of this database: the first part of every idempotency key.
select id from gd.cluster
