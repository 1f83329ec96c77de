-- What this server is, before anything is trusted to it.
select
    current_setting('server_version_num')::int as "server_version_num!",
    current_setting('synchronous_commit') as "synchronous_commit!"
