-- $1 days. How many days from today the first one is that lacks a partition; null when none of the next $1 does.
select min(ahead)::int as missing
from generate_series(0, $1::int) as ahead
cross join unnest(array['attempt', 'attempt_log', 'attempt_input', 'finished']) as base
where to_regclass('gd.' || base || to_char((now() at time zone 'utc')::date + ahead, '_YYYYMMDD')) is null
