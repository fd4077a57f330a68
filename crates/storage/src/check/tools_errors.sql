-- Rows of one grain of `tool_errors` that are not the counts over
-- `mcp_tool_executions`. $1 the grain, $2 the width of its buckets, $3 the days
-- that are left out.
with expected as (
    select
        date_bin($2::interval, created_at, timestamptz 'epoch') as bucket,
        server,
        tool,
        coalesce(agent, '') as agent,
        coalesce(user_id, '') as user_id,
        status,
        coalesce(error_type, '') as error_type,
        coalesce(error_code, '') as error_code,
        count(*) as n,
        min(created_at) as first_at,
        max(created_at) as last_at
    from mcp_tool_executions
    where status in ('failed', 'timeout', 'cancelled')
      and date_bin(interval '1 day', created_at, timestamptz 'epoch') <> all($3)
    group by 1, 2, 3, 4, 5, 6, 7, 8
),
found as (
    select * from tool_errors
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
)
select
    concat_ws(' ', bucket, server, tool, agent, user_id, status, error_type, error_code) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f
    using (bucket, server, tool, agent, user_id, status, error_type, error_code)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
