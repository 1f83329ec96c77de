-- $1 fsm
select history from gd.fsm where id = $1
