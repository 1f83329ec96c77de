-- A result is compressed as a state is, where it is at all. Measured on a server that does nothing else: to end an instance of 1 kB of state
-- and of result took 37 us with the older compression, and 33 with this.

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
