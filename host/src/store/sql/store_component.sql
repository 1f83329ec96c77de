-- $1 sha-256, $2 bytes
insert into gd.component (digest, bytes) values ($1, $2) on conflict do nothing
