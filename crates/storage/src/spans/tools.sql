-- Tool calls of the traces $1 that began in [$2, $3), with the request that asked for each: the one that was
-- known, else the last of the trace that ended before and asked for a tool of that name, which clients put
-- a server's name before.
select
    t.id, t.created_at, t.trace_id, t.parent_span_id, t.server, t.tool, t.via, t.user_id, t.agent, t.token,
    t.session_id, t.conversation_id, t.call_id, t.rpc_id, t.client_name, t.client_version,
    t.protocol_version, t.status, t.error_type, t.error_code, t.argument_hash, t.latency_us, t.ttfb_us,
    t.request_bytes, t.response_bytes,
    coalesce(
        t.request_id,
        (
            select r.id
            from ai_requests r
            where r.trace_id = t.trace_id
              and r.created_at >= $2 and r.created_at <= t.created_at
              and exists (
                  select from unnest(string_to_array(r.tool_calls, ',')) as asked
                  where asked = t.tool or right(asked, length(t.tool) + 1) = '_' || t.tool
              )
            order by r.created_at desc, r.id desc
            limit 1
        )
    ) as request_id
from mcp_tool_executions t
where t.trace_id = any ($1::uuid[]) and t.created_at >= $2::timestamptz and t.created_at < $3::timestamptz
order by t.created_at, t.id
