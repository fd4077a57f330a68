-- Requests that began in [$1, $2). Amounts are dollars, as text.
declare rows no scroll cursor for
select row_to_json(r)::text
from (
    select
        id, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
        to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as finished_at,
        replace(trace_id::text, '-', '') as trace_id, conversation_id, session_id, user_id as "user",
        agent, token, provider, api, requested_model, served_model, streamed, service_tier, state,
        http_status, error_type, error_code, finish_reason, tool_calls, usage_source, input, cache_read,
        cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output,
        trim_scale(cost_nanos / 1000000000.0)::text as cost_usd, price_version,
        latency_us, ttfb_us, request_bytes, response_bytes, provider_request_id, response_id
    from ai_requests
    where created_at >= $1::timestamptz and created_at < $2::timestamptz
    order by ai_requests.created_at, ai_requests.id
) as r
