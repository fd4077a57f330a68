-- What the tool calls of the traces $4 that began in [$2, $3) come to.
select
    trace_id,
    min(created_at) as "first_at!",
    max(created_at + latency_us * interval '1 microsecond') as "last_at!",
    count(*) as "calls!",
    count(*) filter (where status in ('failed', 'timeout')) as "errors!",
    coalesce(array_agg(distinct agent) filter (where agent is not null), '{}') as "agents!"
from mcp_tool_executions
where trace_id = any ($4) and created_at >= $2 and created_at < $3
  and ($1::text is null or agent = $1)
group by trace_id
