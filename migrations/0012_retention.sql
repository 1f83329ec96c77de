-- What retention walks when instances are kept for less than a day, and to take leave of the last of a day that cannot go as a whole.

create index finished_ended on gd.finished (ended_at);
