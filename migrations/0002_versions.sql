-- Deployed code: immutable bytes, numbered versions per tenant and FSM, and which of them new instances take.

create table gd.component (
    digest      bytea       primary key check (octet_length(digest) = 32),   -- sha-256 of bytes
    bytes       bytea       not null,
    uploaded_at timestamptz not null default now()
);
-- Wasm is read as a whole and does not compress in the time that it is worth.
alter table gd.component alter bytes set storage external;

create table gd.fsm (
    id             int  generated always as identity primary key,
    tenant_id      int  not null references gd.tenant,
    name           text not null,
    routed_version int,   -- null only inside the transaction of its first deploy
    unique (tenant_id, name)
);

create table gd.version (
    fsm_id      int         not null references gd.fsm,
    version     int         not null check (version > 0),
    tenant_id   int         not null references gd.tenant,
    digest      bytea       not null references gd.component,
    descriptor  jsonb       not null,
    deployed_at timestamptz not null default now(),
    primary key (fsm_id, version),
    unique (fsm_id, digest)   -- the same bytes again are the same version
);
