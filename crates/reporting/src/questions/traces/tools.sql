-- Tool calls of the traces $2 that began in [$3, $4), with the AI request that
-- asked for each: the one that the proxy knew, else the last of the trace that
-- ended before and asked for a tool of that name, which clients put a server's
-- name before.
select
    t.id, t.trace_id, t.created_at, t.server, t.tool, t.status, t.error_type, t.error_code,
    t.agent, t.user_id as "user", t.token, t.latency_us, t.request_bytes, t.response_bytes,
    t.call_id, t.client_name,
    coalesce(
        t.request_id,
        (
            select r.id
            from ai_requests r
            where r.trace_id = t.trace_id
              and r.created_at >= $3 and r.created_at <= t.created_at
              and exists (
                  select from unnest(string_to_array(r.tool_calls, ',')) as asked
                  where asked = t.tool or right(asked, length(t.tool) + 1) = '_' || t.tool
              )
              and ($1::text is null or r.agent = $1)
            order by r.created_at desc, r.id desc
            limit 1
        )
    ) as request_id
from mcp_tool_executions t
where t.trace_id = any ($2) and t.created_at >= $3 and t.created_at < $4
  and ($1::text is null or t.agent = $1)
order by t.created_at, t.id
limit $5
