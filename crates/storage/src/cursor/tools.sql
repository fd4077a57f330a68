-- Tool calls that began in [$1, $2).
declare rows no scroll cursor for
select row_to_json(r)::text
from (
    select
        id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
        replace(trace_id::text, '-', '') as trace_id, request_id, server, tool, via, user_id as "user",
        agent, token, session_id, conversation_id, call_id, client_name, client_version,
        protocol_version, status, error_type, error_code, argument_hash, latency_us, ttfb_us,
        request_bytes, response_bytes
    from mcp_tool_executions
    where created_at >= $1::timestamptz and created_at < $2::timestamptz
    order by mcp_tool_executions.created_at, mcp_tool_executions.id
) as r
