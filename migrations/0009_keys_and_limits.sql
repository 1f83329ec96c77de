-- What an instance waits for beside its turn: a slot of its concurrency key, tokens of its rate limit. Rows that cannot get a slot stand
-- aside as status 4, rows that want tokens as status 5: no claim ever reads past them. Callers see both as runnable.

alter table gd.instance add column concurrency_key text;
alter table gd.instance add column slot smallint check (slot >= 0);   -- held while executing, or reserved for its next claim
alter table gd.instance add column rate_limit text;                   -- "name" or "name:partition": the bucket that the next step draws from
alter table gd.instance add column weight int not null default 1 check (weight > 0);
alter table gd.instance drop constraint instance_status_check;
alter table gd.instance add constraint instance_status_check check (status in (0, 1, 2, 3, 4, 5));
-- The referee: whatever a claim, a hand-over or a sweep believes, no commit can let a key have more holders than slots.
alter table gd.instance add check (status <> 1 or concurrency_key is null or slot is not null);
alter table gd.instance add check (slot is null or status in (0, 1));
create unique index instance_slot on gd.instance (tenant_id, concurrency_key, slot) where slot is not null;
-- Who gets the next slot of a key, and the next tokens of a bucket: the most urgent that is due.
create index instance_wants_slot on gd.instance (tenant_id, concurrency_key, priority, eligible_at) where status = 4 and not held;
create index instance_wants_tokens on gd.instance (tenant_id, rate_limit, priority, eligible_at) where status = 5 and not held;

-- Limits by name. Tenant 0 stands for every tenant without a limit of its own by that name.
create table gd.key_limit (
    tenant_id  int         not null,
    name       text        not null,
    slots      smallint    not null check (slots > 0),
    changed_at timestamptz not null default now(),
    primary key (tenant_id, name)
);
create table gd.rate_limit (
    tenant_id  int         not null,
    name       text        not null,
    allowed    bigint      not null check (allowed between 0 and 1000000000),   -- tokens per period
    period_ms  bigint      not null check (period_ms > 0),
    burst      bigint      not null check (burst between 1 and 1000000000),
    changed_at timestamptz not null default now(),   -- nothing is earned at this rate for the time before it
    primary key (tenant_id, name)
);
-- One token bucket per limit or partition of it, made by its first grant: full then.
create table gd.bucket (
    tenant_id   int         not null,
    key         text        not null,
    level       bigint      not null check (level >= 0),   -- millionths of a token
    refilled_at timestamptz not null,
    primary key (tenant_id, key)
) with (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

alter table gd.finished add column concurrency_key text;
alter table gd.finished add column rate_limit text;
alter table gd.finished add column weight int not null default 1;
