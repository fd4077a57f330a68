-- Stores finished requests; says which of them were not there yet.
insert into ai_requests (
    id, created_at, trace_id, span_id, parent_span_id, user_id, agent, token, session_id,
    conversation_id, conversation_derived, provider, api, requested_model, served_model,
    provider_request_id, response_id, streamed, service_tier, state, http_status, error_type,
    error_code, finish_reason, tool_calls, usage_source, usage_injected, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output,
    usage_extra, raw_usage, cost_nanos, price_version, latency_us, ttfb_us, request_bytes,
    response_bytes, finished_at
)
select
    id, created_at, trace_id, span_id, parent_span_id, user_id, agent, token, session_id,
    conversation_id, conversation_derived, provider, api, requested_model, served_model,
    provider_request_id, response_id, streamed, service_tier, state, http_status, error_type,
    error_code, finish_reason, tool_calls, usage_source, usage_injected, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output,
    usage_extra::jsonb, raw_usage::jsonb, cost_nanos, price_version, latency_us, ttfb_us,
    request_bytes, response_bytes, finished_at
from unnest(
    $1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::bigint[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::text[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::bool[], $19::text[], $20::text[],
    $21::smallint[], $22::text[], $23::text[], $24::text[], $25::text[], $26::text[],
    $27::bool[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[], $32::bigint[],
    $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::text[], $38::text[],
    $39::bigint[], $40::text[], $41::bigint[], $42::bigint[], $43::bigint[], $44::bigint[],
    $45::timestamptz[]
) as r (
    id, created_at, trace_id, span_id, parent_span_id, user_id, agent, token, session_id,
    conversation_id, conversation_derived, provider, api, requested_model, served_model,
    provider_request_id, response_id, streamed, service_tier, state, http_status, error_type,
    error_code, finish_reason, tool_calls, usage_source, usage_injected, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output,
    usage_extra, raw_usage, cost_nanos, price_version, latency_us, ttfb_us, request_bytes,
    response_bytes, finished_at
)
on conflict do nothing
returning id
