-- $1 tenant, 0 for every one, $2 name, $3 tokens per period, $4 the period in ms, $5 tokens of a full bucket. What is set to what it was
-- is not touched: nothing is earned for the time before the last change.
insert into gd.rate_limit as l (tenant_id, name, allowed, period_ms, burst)
values ($1, $2, $3, $4, $5)
on conflict (tenant_id, name) do update
set allowed = excluded.allowed, period_ms = excluded.period_ms, burst = excluded.burst, changed_at = now()
where (l.allowed, l.period_ms, l.burst) is distinct from (excluded.allowed, excluded.period_ms, excluded.burst)
