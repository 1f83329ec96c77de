-- A correlation key that is not unique is an address alone: it stands in no identity, and a signal by it goes to the newest live holder.

alter table gd.instance add column shared_key boolean not null default false;
alter table gd.finished add column shared_key boolean not null default false;
create index instance_shared_key on gd.instance (tenant_id, correlation_key, id) where shared_key;
