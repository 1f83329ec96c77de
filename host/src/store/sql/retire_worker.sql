-- $1 worker. A clean stop. FOR UPDATE, as where others declare it dead: it waits for a claim in flight, which holds the row FOR KEY SHARE, so
-- that whatever this worker owns can be given back afterwards.
with present as materialized (
    select id from gd.worker where id = $1 for update
)
update gd.worker w set dead = true from present where w.id = present.id
