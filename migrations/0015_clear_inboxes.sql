-- The inboxes of instances that have ended well. A function, and not a part of the statement that ends them, since what it runs sees all that
-- was committed when it is called: whoever delivers to them before is waited for by then, and whoever comes later finds nobody. As a
-- statement after the other it took three more round trips to the database for every batch with an end: docs/decisions/0020. Finds
-- nothing, nearly always, and writes nothing then. Leans on the primary key.
create function gd.clear_inboxes(ended bigint[]) returns void language plpgsql as $$
begin
    if cardinality(ended) > 0 then
        delete from gd.signal s where s.target = any(ended);
    end if;
end $$;
