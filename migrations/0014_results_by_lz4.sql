-- A result is compressed as a state is, where it is at all: the older compression takes longer over a kilobyte than the rest of the row.

alter table gd.finished alter result set compression lz4;
do $$
declare
    part regclass;
begin
    -- A partition does not follow its parent in this; those to come are made like it.
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'gd.finished'::regclass loop
        execute format('alter table %s alter result set compression lz4', part);
    end loop;
end $$;
