-- Rows of one grain of `latency` that are not the counts over `ai_requests`.
-- $1 the grain, $2 the width of its buckets, $3 the days that are left
-- out, $4 its cubes, $5 and $6 the moments in between of which rows are compared.
with cubes (cube, by_model, by_agent) as (
    values
        ('total', false, false),
        ('model', true, false),
        ('agent', false, true),
        ('agent_model', true, true)
),
requests as (
    select
        date_bin($2::interval, created_at, timestamptz 'epoch') as bucket,
        provider,
        coalesce(served_model, requested_model, '') as model,
        coalesce(agent, '') as agent,
        -- As `histogram::bucket_of`; the little that is added makes a power of two, which
        -- begins a slot, fall into it. A numeric logarithm would take fifty times as long.
        floor(16 * ln(greatest(latency_us, 1)::float8) / ln(2::float8) + 1e-12)::smallint as slot
    from ai_requests
    where state = 'completed' and latency_us is not null
      and date_bin(interval '1 day', created_at, timestamptz 'epoch') <> all($3)
      and created_at >= $5 and created_at < $6
),
sliced as (
    select
        -- Quarters are kept once, with every dimension and without a name.
        case when $1 = 'quarter' then '' else c.cube end as cube,
        r.bucket,
        case when c.by_model then r.provider else '' end as provider,
        case when c.by_model then r.model else '' end as model,
        case when c.by_agent then r.agent else '' end as agent,
        r.slot
    from requests r
    cross join cubes c
    where c.cube = any($4)
),
expected as (
    select cube, bucket, provider, model, agent, slot, count(*) as n
    from sliced
    group by cube, bucket, provider, model, agent, slot
),
found as (
    select * from latency
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $5 and bucket < $6
)
select
    concat_ws(' ', nullif(cube, ''), bucket, provider, model, agent, 'slot', slot) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f using (cube, bucket, provider, model, agent, slot)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
