-- The tools that were called for the conversation $2, the most frequent first.
select
    server as "server!", tool as "tool!", count(*) as "executions!",
    count(*) filter (where status in ('failed', 'timeout')) as "errors!",
    sum(latency_us) filter (where status = 'success')::bigint as latency_us,
    count(*) filter (where status = 'success') as "latency_n!"
from mcp_tool_executions
where conversation_id = $2
  and ($1::text is null or agent = $1)
group by server, tool
order by count(*) desc, server, tool
