-- Rows of one grain of `tool_latency` that are not the counts over
-- `mcp_tool_executions`. $1 the grain, $2 the width of its buckets, $3 the days
-- that are left out, $4 its cubes.
with cubes (cube, by_tool, by_agent) as (
    values
        ('total', false, false),
        ('tool', true, false),
        ('agent_tool', true, true)
),
expected as (
    select
        c.cube,
        date_bin($2::interval, t.created_at, timestamptz 'epoch') as bucket,
        case when c.by_tool then t.server else '' end as server,
        case when c.by_tool then t.tool else '' end as tool,
        case when c.by_agent then coalesce(t.agent, '') else '' end as agent,
        -- As `histogram::bucket_of`: see `latency.sql`.
        floor(16 * ln(greatest(t.latency_us, 1)::float8) / ln(2::float8) + 1e-12)::smallint as slot,
        count(*) as n
    from mcp_tool_executions t
    cross join cubes c
    where t.status = 'success'
      and c.cube = any($4)
      and date_bin(interval '1 day', t.created_at, timestamptz 'epoch') <> all($3)
    group by 1, 2, 3, 4, 5, 6
),
found as (
    select * from tool_latency
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
)
select
    concat_ws(' ', cube, bucket, server, tool, agent, 'slot', slot) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f using (cube, bucket, server, tool, agent, slot)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
