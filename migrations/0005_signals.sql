-- Durable inboxes. A row lives from its acceptance until a step consumes it or its instance ends.

create table gd.signal (
    id          bigint      generated always as identity,
    target      bigint      not null,
    received_at timestamptz not null default now(),
    name        text        not null,
    payload     bytea       not null default '',
    primary key (target, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Remembers deduplication keys beyond the consumption of their signal.
create table gd.signal_dedup (
    target      bigint      not null,
    dedup_key   text        not null,
    received_at timestamptz not null default now(),
    primary key (target, dedup_key)
);
