-- Rows of one grain of `errors` that are not the counts over `ai_requests`.
-- $1 the grain, $2 the width of its buckets, $3 the days that are left out, $4 and
-- $5 the moments in between of which rows are compared.
with expected as (
    select
        date_bin($2::interval, created_at, timestamptz 'epoch') as bucket,
        provider,
        coalesce(served_model, requested_model, '') as model,
        -- Days are not told apart by these.
        case when $1 = 'day' then '' else coalesce(agent, '') end as agent,
        case when $1 = 'day' then '' else coalesce(user_id, '') end as user_id,
        state,
        coalesce(http_status, 0)::smallint as http_status,
        coalesce(error_type, '') as error_type,
        coalesce(error_code, '') as error_code,
        count(*) as n,
        min(created_at) as first_at,
        max(created_at) as last_at
    from ai_requests
    where state <> 'completed'
      and date_bin(interval '1 day', created_at, timestamptz 'epoch') <> all($3)
      and created_at >= $4 and created_at < $5
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
),
found as (
    select * from errors
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $4 and bucket < $5
)
select
    concat_ws(' ', bucket, provider, model, agent, user_id, state, http_status, error_type,
        error_code) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f
    using (bucket, provider, model, agent, user_id, state, http_status, error_type, error_code)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
