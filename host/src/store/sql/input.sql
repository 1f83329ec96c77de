-- $1 instance (known to be the caller's), $2 claim. What the attempt under this claim was handed. Leans on attempt_input_instance.
select input from gd.attempt_input where instance_id = $1 and claim = $2
