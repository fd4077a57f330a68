select
    id, created_at, finished_at, trace_id, span_id, parent_span_id, user_id as "user", agent, token,
    session_id, conversation_id, conversation_derived, provider, api, requested_model, served_model,
    provider_request_id, response_id, streamed, service_tier, state, http_status, error_type,
    error_code, finish_reason, tool_calls, usage_source, usage_injected,
    input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning,
    audio_output, usage_extra, raw_usage, cost_nanos, price_version, latency_us, ttfb_us,
    request_bytes, response_bytes
from ai_requests
where created_at = $1 and id = $2
