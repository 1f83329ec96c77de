-- Who owns what. Every row of every later table carries its tenant from the first day.

create schema gd;

-- One row: what tells this database apart from every other, so that an idempotency key of one is never one of another's.
create table gd.cluster (
    only_one   boolean     primary key default true check (only_one),
    id         uuid        not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
insert into gd.cluster default values;

create table gd.tenant (
    id         int         generated always as identity primary key,
    name       text        not null unique,
    created_at timestamptz not null default now()
);
insert into gd.tenant (name) values ('default');
