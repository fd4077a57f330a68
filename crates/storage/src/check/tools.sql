-- Rows of one grain of `tools` that are not the sums over `mcp_tool_executions`.
-- $1 the grain, $2 the width of its buckets, $3 the days that are left out, $4
-- its cubes.
with cubes (cube, by_tool, by_agent, by_user) as (
    values
        ('total', false, false, false),
        ('tool', true, false, false),
        ('agent_tool', true, true, false),
        ('full', true, true, true)
),
expected as (
    select
        c.cube,
        date_bin($2::interval, t.created_at, timestamptz 'epoch') as bucket,
        case when c.by_tool then t.server else '' end as server,
        case when c.by_tool then t.tool else '' end as tool,
        case when c.by_agent then coalesce(t.agent, '') else '' end as agent,
        case when c.by_user then coalesce(t.user_id, '') else '' end as user_id,
        count(*) as executions,
        count(*) filter (where t.status = 'success') as success,
        count(*) filter (where t.status = 'failed') as failed,
        count(*) filter (where t.status = 'timeout') as timeout,
        count(*) filter (where t.status = 'cancelled') as cancelled,
        count(*) filter (where t.status = 'needs_input') as needs_input,
        coalesce(sum(t.latency_us) filter (where t.status = 'success'), 0)::bigint as latency_us,
        count(*) filter (where t.status = 'success') as latency_n,
        sum(t.request_bytes)::bigint as request_bytes,
        sum(t.response_bytes)::bigint as response_bytes
    from mcp_tool_executions t
    cross join cubes c
    where c.cube = any($4)
      and date_bin(interval '1 day', t.created_at, timestamptz 'epoch') <> all($3)
    group by 1, 2, 3, 4, 5, 6
),
found as (
    select * from tools
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
)
select
    concat_ws(' ', cube, bucket, server, tool, agent, user_id) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f using (cube, bucket, server, tool, agent, user_id)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
