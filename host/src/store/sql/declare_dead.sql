-- $1 worker; its row is locked by this transaction.
update gd.worker set dead = true where id = $1
