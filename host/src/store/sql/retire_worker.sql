-- $1 worker. A clean stop; its instances were given back before.
update gd.worker set dead = true where id = $1
