-- A trace of 200 requests, each with two entries in the audit trail: 1,000 events
-- in all.
with requests as (
    select
        i, timestamptz '2026-11-25T09:30:00Z' + i * interval '1 second' as created_at,
        ('01a2120a-61c0-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid as id
    from generate_series(1, 200) as i
),

stored as (
    insert into ai_requests (
        id, created_at, trace_id, span_id, agent, conversation_derived, provider, api, streamed,
        state, usage_source, usage_injected, input, cache_read, cache_write_5m, cache_write_1h,
        audio_input, tool_input, output, reasoning, audio_output, cost_nanos, request_bytes,
        response_bytes, finished_at)
    select
        id, created_at, '01a2120a-61c0-7000-8000-000000000002', i, 'scout', false, 'openai',
        'responses', true, 'completed', 'provider', false, 1, 0, 0, 0, 0, 0, 1, 0, 0, i, 1, 1,
        created_at + interval '500 milliseconds'
    from requests
)

insert into audit_events (seq, created_at, category, event, agent, trace_id, subject_id)
select row_number() over (), created_at, 'ai_operations', event, 'scout', '01a2120a-61c0-7000-8000-000000000002', id
from requests, unnest(array['request_started', 'request_completed']) as event;
