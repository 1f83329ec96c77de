-- A step that takes its host down every time must end, and must not take its neighbours along. `losses` counts claims in a row that a
-- worker's death ended; from three on, the row is claimed by the lone run alone, which counts its starts before it makes them.

alter table gd.instance add column losses int not null default 0;
alter table gd.instance add column lone_starts int not null default 0;

-- Suspects leave the lanes: a claim pays nothing for them.
drop index gd.instance_lane;
create index instance_lane on gd.instance (tenant_id, queue_id, priority, eligible_at) where status = 0 and not held and losses < 3;
create index instance_suspect on gd.instance (eligible_at) where status = 0 and not held and losses >= 3;
