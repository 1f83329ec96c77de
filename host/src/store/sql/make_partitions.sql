-- $1 days ahead. Says how many partitions were missing.
select gd.make_partitions($1) as "made!"
