-- $1 tenant, $2 bucket: the one after which to go on; $3 buckets at most. Buckets that somebody waits for, and when the first of them is
-- due. A loose index scan over instance_wants_tokens.
with recursive waiting as (
    (select i.tenant_id, i.rate_limit as bucket
     from gd.instance i
     where i.status = 5 and not i.held and (i.tenant_id, i.rate_limit) > ($1::int, $2::text)
     order by i.tenant_id, i.rate_limit
     limit 1)
    union all
    select following.*
    from waiting cross join lateral (
        select i.tenant_id, i.rate_limit
        from gd.instance i
        where i.status = 5 and not i.held and (i.tenant_id, i.rate_limit) > (waiting.tenant_id, waiting.bucket)
        order by i.tenant_id, i.rate_limit
        limit 1
    ) following
)
select tenant_id as "tenant_id!", bucket as "bucket!" from waiting limit $3
