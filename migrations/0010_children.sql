-- Children: a parent that waits counts them down, and reads what they left from a table of its own, so that their retention never
-- breaks a join.

alter table gd.instance add column parent bigint;
alter table gd.instance add column child_round int;                -- the parent's round that made it, from 1
alter table gd.instance add column child_index int;                -- its place in that round, from 0
alter table gd.instance add column depth smallint not null default 0;          -- ancestors it has
alter table gd.instance add column pending int not null default 0;             -- children of the current round that live; as a parent
alter table gd.instance add column round int not null default 0;               -- rounds of children it has made
alter table gd.instance add column effect_results bytea;           -- what became of the effects of the step before: for the next one
alter table gd.instance add check (status <> 3 or pending > 0);
-- Live children of a parent: `tree`, and cancelling with them.
create index instance_parent on gd.instance (parent) where parent is not null;

alter table gd.finished add column parent bigint;
alter table gd.finished add column child_round int;
alter table gd.finished add column child_index int;
alter table gd.finished add column depth smallint not null default 0;
alter table gd.finished add column round int not null default 0;
create index finished_parent on gd.finished (parent) where parent is not null;

-- What a live parent will read: one row for each child that has ended, or that was not made because its key was taken. Removed with
-- the parent's end.
create table gd.child_outcome (
    parent        bigint   not null,
    round         int      not null,
    index         int      not null,
    child         bigint   not null,   -- the child, or the holder of its key
    fsm_id        int      not null,
    status        smallint not null check (status in (10, 11, 12, 20)),   -- done, failed, cancelled, duplicate
    error_kind    text,
    error_message text,
    error_code    text,
    state         bytea    not null,
    result        bytea,
    primary key (parent, round, index)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
alter table gd.child_outcome alter state set compression lz4;
alter table gd.child_outcome alter result set compression lz4;
