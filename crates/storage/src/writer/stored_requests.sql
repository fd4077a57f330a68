-- The requests $1, which began between $2 and $3, in the order of insert_requests.sql, with the
-- costs that they were stored with, and the runs that corrected these.
select
    r.id, r.created_at, r.trace_id, r.span_id, r.parent_span_id, r.user_id, r.agent, r.token,
    r.session_id, r.conversation_id, r.conversation_derived, r.provider, r.api, r.requested_model,
    r.served_model, r.provider_request_id, r.response_id, r.streamed, r.service_tier, r.state,
    r.http_status, r.error_type, r.error_code, r.finish_reason, r.tool_calls, r.usage_source,
    r.usage_injected, r.input, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.audio_input,
    r.tool_input, r.output, r.reasoning, r.audio_output, r.usage_extra::text as usage_extra,
    r.raw_usage::text as raw_usage,
    case when c.runs is null then r.cost_nanos else c.cost_nanos end as cost_nanos,
    case when c.runs is null then r.price_version else c.price_version end as price_version,
    r.latency_us, r.ttfb_us, r.request_bytes, r.response_bytes, r.finished_at, c.runs
from ai_requests r
left join lateral (
    select
        (array_agg(old_cost_nanos order by corrected_at))[1] as cost_nanos,
        (array_agg(old_price_version order by corrected_at))[1] as price_version,
        array_agg(run_id) as runs
    from cost_corrections
    where request_id = r.id and created_at = r.created_at
) c on true
where r.id = any ($1) and r.created_at >= $2 and r.created_at <= $3
