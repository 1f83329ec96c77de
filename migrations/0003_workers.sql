-- Liveness is per worker incarnation, not per instance: one row, one beat, whatever it holds.

create table gd.worker (
    id         bigint      primary key,   -- random, fresh for each incarnation; also the key of its advisory session lock
    host       text        not null,
    started_at timestamptz not null default now(),
    beat_at    timestamptz not null default now(),
    expires_at timestamptz not null,
    dead       boolean     not null default false
) with (fillfactor = 50);
