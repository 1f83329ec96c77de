-- $1 seconds. The time that long ago, in microseconds since the epoch.
select (extract(epoch from now() - make_interval(secs => $1::float8)) * 1000000)::bigint as "since_us!"
