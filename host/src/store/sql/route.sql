-- $1 fsm, $2 version. New instances take it from the commit on.
update gd.fsm set routed_version = $2 where id = $1
