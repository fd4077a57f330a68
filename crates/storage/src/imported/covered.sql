-- The UTC days of the provider $1 that were counted: whether requests were, and whether usage was
-- imported.
with imported as (
    select date_bin(interval '1 day', at, timestamptz 'epoch') as bucket, sum(requests) as requests
    from imported_hours
    where provider = $1
    group by 1
),
counted as (
    select bucket, sum(requests) as requests
    from usage_day
    where cube = 'model' and provider = $1
    group by bucket
)
select
    bucket,
    c.requests > coalesce(i.requests, 0) as recorded,
    i.requests is not null as imported
from counted c
left join imported i using (bucket)
order by bucket
