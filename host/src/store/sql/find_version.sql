-- $1 fsm, $2 sha-256. The version that these bytes are already.
select version from gd.version where fsm_id = $1 and digest = $2
