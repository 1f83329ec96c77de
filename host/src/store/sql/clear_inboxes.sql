-- $1 instances that have ended well by the statement before this one, in the same transaction: whoever delivers to them waits for its end
-- and finds nobody, and whatever was accepted before is seen here and goes with them. Finds nothing, nearly always, and writes nothing
-- then. Leans on the primary key.
delete from gd.signal s where s.target = any($1::bigint[])
