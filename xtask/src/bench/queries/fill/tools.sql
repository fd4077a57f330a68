-- A tool call for every request of the stretch that asked for one.
insert into mcp_tool_executions (
    id, created_at, trace_id, parent_span_id, request_id, server, tool, via, user_id, agent, token,
    session_id, conversation_id, call_id, rpc_id, client_name, client_version, protocol_version,
    status, error_type, error_code, argument_hash, latency_us, ttfb_us, request_bytes, response_bytes
)
select
    bench_v7(ms), timestamptz 'epoch' + ms * interval '1 millisecond', trace_id, span_id, id,
    'server-' || substr(tool_calls, 7, 1), tool_calls, 'proxy', user_id, agent, token, session_id,
    conversation_id, 'call_' || left(id::text, 13), '1', 'client', '1.0', '2025-11-25',
    case when fate < 0.03 then 'failed' when fate < 0.035 then 'timeout' else 'success' end,
    case when fate < 0.03 then 'tool_error' when fate < 0.035 then 'timeout' end, null,
    md5(id::text), bench_log_normal(11, 1), null, 400, 2000
from (
    select *, (date_part('epoch', finished_at) * 1000)::bigint as ms, random() as fate
    from ai_requests
    where created_at >= :begin and created_at < :end and tool_calls is not null
) as asked
order by ms;
