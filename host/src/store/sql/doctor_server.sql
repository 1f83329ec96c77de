-- What the server is and how it is set for this role and database, how many connections it has, and its clock.
select
    current_setting('server_version') as "version!",
    current_setting('server_version_num')::int as "version_num!",
    current_setting('synchronous_commit') as "synchronous_commit!",
    current_setting('fsync') as "fsync!",
    current_setting('full_page_writes') as "full_page_writes!",
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as "connections_max!",
    (select count(*) from pg_stat_activity where datid is not null) as "connections!",
    (extract(epoch from clock_timestamp()) * 1000)::bigint as "now_ms!"
