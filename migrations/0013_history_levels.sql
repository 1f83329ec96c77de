-- How much the history keeps, per FSM: nothing, every attempt, or every attempt with its exact input, so that it can be run again.

alter table gd.fsm add column history smallint not null default 1 check (history in (0, 1, 2));   -- off, transitions, full

create table gd.attempt_input (
    instance_id bigint      not null,
    claim       bigint      not null,   -- the claim under which the attempt ran
    at          timestamptz not null default now(),
    input       bytea       not null    -- JSON: what the guest was handed
) partition by range (at);
alter table gd.attempt_input alter input set compression lz4;
create index attempt_input_instance on gd.attempt_input (instance_id, claim);

create or replace function gd.make_partitions(days int) returns int language plpgsql as $$
declare
    day  date;
    base text;
    name text;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('gd.make_partitions', 0));
    for day in select generate_series((now() at time zone 'utc')::date - 1, (now() at time zone 'utc')::date + days, '1 day')::date loop
        foreach base in array array['finished', 'attempt', 'attempt_log', 'attempt_input'] loop
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
