-- $1 channel, $2 text
select pg_notify($1, $2) as "sent?"
