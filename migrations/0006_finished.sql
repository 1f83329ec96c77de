-- What is over: ended instances and the history of attempts, partitioned by day so that retention costs nothing.
-- There is no default partition: one that is missing must be noticed, not hidden.

create table gd.finished (
    id              bigint      not null,
    ended_at        timestamptz not null default now(),
    created_at      timestamptz not null,
    tenant_id       int         not null,
    fsm_id          int         not null,
    queue_id        int         not null,
    version         int         not null,
    status          smallint    not null check (status in (10, 11, 12)),   -- done, failed, cancelled
    priority        smallint    not null,
    attempt         int         not null,
    faults          int         not null,
    visit           bigint      not null,
    claim           bigint      not null,
    correlation_key text,
    step            text        not null,
    error_kind      text,
    error_message   text,
    error_code      text,
    state           bytea       not null,
    result          bytea
) partition by range (ended_at);
alter table gd.finished alter state set compression lz4;
create index finished_id on gd.finished (id);

create table gd.attempt (
    instance_id   bigint      not null,
    claim         bigint      not null,   -- the claim under which it ran
    at            timestamptz not null default now(),
    worker        bigint      not null,
    visit         bigint      not null,
    attempt       int         not null,
    version       int         not null,
    wake          smallint    not null,
    outcome       smallint    not null,
    duration_us   bigint,
    cpu_us        bigint,
    step          text        not null,
    to_step       text,
    error_kind    text,
    error_message text,
    error_code    text
) partition by range (at);
create index attempt_instance on gd.attempt (instance_id, claim);

-- Makes the partitions of today and the next `days` days, where they are missing; says how many it made. Attaching a
-- table that stands already never waits for readers or writers of the others.
create function gd.make_partitions(days int) returns int language plpgsql as $$
declare
    day  date;
    base text;
    name text;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('gd.make_partitions', 0));
    for day in select generate_series((now() at time zone 'utc')::date - 1, (now() at time zone 'utc')::date + days, '1 day')::date loop
        foreach base in array array['finished', 'attempt'] loop
            name := base || '_' || to_char(day, 'YYYYMMDD');
            continue when to_regclass('gd.' || name) is not null;
            execute format('create table gd.%I (like gd.%I including all)', name, base);
            execute format('alter table gd.%I attach partition gd.%I for values from (%L) to (%L)',
                           base, name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            made := made + 1;
        end loop;
    end loop;
    return made;
end $$;
select gd.make_partitions(7);
