-- A trace of ours with a request of scout and a failed one of writer, and what was
-- said and audited meanwhile; a foreign trace of scout; both in one session. Ids
-- of ours say when.
create table logs_history partition of logs for values from (minvalue) to (maxvalue);

insert into ai_requests (
    id, created_at, trace_id, span_id, user_id, agent, token, session_id, conversation_derived,
    provider, api, requested_model, served_model, streamed, state, http_status, error_type,
    finish_reason, usage_source, usage_injected, input, cache_read, cache_write_5m, cache_write_1h,
    audio_input, tool_input, output, reasoning, audio_output, cost_nanos, latency_us,
    request_bytes, response_bytes, finished_at)
select
    id, created_at, trace_id, 1, 'ada', agent, 'ci', 'session-3', false, 'anthropic', 'messages',
    'claude-x', 'claude-x-1', true, state, status, error_type, finish_reason, 'provider', false,
    1, 0, 0, 0, 0, 0, 1, 0, 0, cost_nanos, 1000000, 100, 200, finished_at
from (values
    (uuid '01a21224-0440-7000-8000-0000000000a1', timestamptz '2026-11-25T09:58:00Z',
     uuid '01a21224-0440-7000-8000-000000000001', 'scout', 'completed', 200::smallint, null,
     'end_turn', 27265000, timestamptz '2026-11-25T09:58:03Z'),
    ('01a21224-0828-7000-8000-0000000000a2', '2026-11-25T09:58:01Z',
     '01a21224-0440-7000-8000-000000000001', 'writer', 'failed', 529, 'overloaded_error',
     null, null, '2026-11-25T09:58:02Z'),
    ('01a21224-eea0-7000-8000-0000000000a3', '2026-11-25T09:59:00Z',
     '4bf92f35-77b3-4da6-a3ce-929d0e0e4736', 'scout', 'completed', 200, null,
     'end_turn', 1000, '2026-11-25T09:59:01Z')
) as r (id, created_at, trace_id, agent, state, status, error_type, finish_reason, cost_nanos,
        finished_at);

insert into traces (trace_id, first_at, last_at) values
    ('4bf92f35-77b3-4da6-a3ce-929d0e0e4736', '2026-11-25T09:59:00Z', '2026-11-25T09:59:00Z');

insert into logs (id, created_at, level, target, message, trace_id, request_id, fields) values
    ('01a21224-0440-7000-8000-0000000000b1', '2026-11-25T09:58:00.500Z', 'warn', 'gateway',
     'the provider cannot be reached', '01a21224-0440-7000-8000-000000000001',
     '01a21224-0440-7000-8000-0000000000a1', '{"error": "refused"}'),
    ('01a21224-0440-7000-8000-0000000000b2', '2026-11-25T09:58:00.600Z', 'info', 'server',
     'of no trace', null, null, null);

insert into audit_events (seq, created_at, category, event, agent, trace_id, subject_id, state) values
    (9000001, '2026-11-25T09:58:00Z', 'ai_operations', 'request_started', 'scout',
     '01a21224-0440-7000-8000-000000000001', '01a21224-0440-7000-8000-0000000000a1', null),
    (9000002, '2026-11-25T09:58:03Z', 'ai_operations', 'request_completed', 'scout',
     '01a21224-0440-7000-8000-000000000001', '01a21224-0440-7000-8000-0000000000a1', 'completed'),
    (9000009, '2026-11-25T09:00:00Z', 'administration', 'prices_changed', null, null, null, null);
