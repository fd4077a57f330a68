-- Requests of the traces $1 that began in [$2, $3) and are over.
select
    id, created_at, trace_id, span_id, parent_span_id, user_id, agent, token, session_id, conversation_id,
    conversation_derived, provider, api, requested_model, served_model, provider_request_id, response_id,
    streamed, service_tier, state, http_status, error_type, error_code, finish_reason, tool_calls,
    usage_source, usage_injected, input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input,
    output, reasoning, audio_output, cost_nanos, price_version, latency_us, ttfb_us, request_bytes,
    response_bytes, finished_at
from ai_requests
where trace_id = any ($1::uuid[]) and created_at >= $2::timestamptz and created_at < $3::timestamptz
order by created_at, id
