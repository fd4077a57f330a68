-- A history to ask about: 40 days of requests down from 2026-11-25 10:07:30, one
-- every 37 minutes, and more of the last day; every state, provider, agent and
-- user, known and unknown.
create table ai_requests_history partition of ai_requests for values from (minvalue) to (maxvalue);

with counted as (
    select i, timestamptz '2026-11-25T10:07:16.123Z' - i * interval '37 minutes' as created_at
    from generate_series(0, 1556) as i
    union all
    select 2000 + i, timestamptz '2026-11-25T10:04:41.987Z' - i * interval '11 minutes'
    from generate_series(0, 119) as i
),

identified as (
    select
        i, created_at,
        (lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0')
            || '7' || lpad(to_hex(i), 3, '0') || '8' || lpad(to_hex(i), 15, '0'))::uuid as id,
        case when i % 19 = 3 then 'failed' when i % 23 = 4 then 'upstream_timeout'
             when i % 29 = 5 then 'client_disconnect' when i % 31 = 6 then 'paused'
             when i % 211 = 7 then 'lost' when i % 307 = 8 then 'shutdown'
             else 'completed' end as state
    from counted
)

insert into ai_requests (
    id, created_at, trace_id, span_id, user_id, agent, conversation_id, conversation_derived,
    provider, api, requested_model, served_model, streamed, state, http_status, error_type,
    error_code, usage_source, usage_injected, input, cache_read, cache_write_5m, cache_write_1h,
    audio_input, tool_input, output, reasoning, audio_output, cost_nanos, price_version, latency_us,
    ttfb_us, request_bytes, response_bytes, finished_at)
select
    id, created_at, id, i,
    (array['ada', 'bob', null])[1 + i % 3],
    (array['scout', 'writer', 'critic', null])[1 + i / 2 % 4],
    'conversation-' || i / 5, false,
    (array['anthropic', 'openai', 'gemini'])[1 + i % 5 % 3],
    (array['messages', 'responses', 'generate_content'])[1 + i % 5 % 3],
    (array['claude-opus-4-8', 'gpt-5.5', 'gemini-3-pro', 'claude-haiku-4-5', 'house-model'])[1 + i % 5],
    case when i % 4 > 0 then
        (array['claude-opus-4-8', 'gpt-5.5', 'gemini-3-pro', 'claude-haiku-4-5', 'house-model'])[1 + i % 5]
    end,
    i % 2 = 0, state,
    case state when 'completed' then 200 when 'failed' then (array[429, 500, 529])[1 + i % 3] end,
    case state when 'failed' then (array['rate_limit_error', 'api_error', 'overloaded_error'])[1 + i % 3] end,
    case when state = 'failed' and i % 3 = 0 then 'quota' end,
    case when used then 'provider' else 'none' end, false,
    case when used then 100 + i % 71 else 0 end, case when used then i % 13 * 100 else 0 end,
    case when used then i % 7 * 10 else 0 end, case when used then i % 3 else 0 end,
    case when used then i % 11 % 2 else 0 end, case when used then i % 17 % 2 else 0 end,
    case when used then 50 + i % 37 else 0 end, case when used then i % 5 * 20 else 0 end,
    case when used then i % 19 % 2 else 0 end,
    case when used and i % 5 < 4 then 1000003 + i * 7919 end,
    case when used and i % 5 < 4 then 'priced' end,
    case when state not in ('paused', 'lost') then 90000 + i % 101 * 12345 end,
    case when state = 'completed' then 30000 + i % 53 * 1111 end,
    1000, 2000, created_at + interval '1 second'
from identified, lateral (select state = 'completed' and i % 41 <> 9 as used) as u;

insert into conversations
select conversation_id, false, (array_agg(agent order by created_at))[1], null, min(created_at), max(created_at),
    count(*), sum(input), sum(output), coalesce(sum(cost_nanos), 0),
    count(*) filter (where usage_source <> 'none' and cost_nanos is null)
from ai_requests
group by conversation_id;

insert into open_requests
select
    id, created_at, gen_random_uuid(), gen_random_uuid(), id,
    jsonb_build_object(
        'id', id, 'created_at', to_json(created_at), 'trace_id', id, 'span_id', 7, 'agent', agent,
        'user', 'ada', 'provider', 'openai', 'api', 'responses', 'requested_model', 'gpt-5.5',
        'streamed', true, 'request_bytes', 321)
from (values
    ('01a2122b-5740-7000-8000-000000000001'::uuid, timestamptz '2026-11-25T10:06:00Z', 'scout'),
    ('01a2122b-5740-7000-8000-000000000002'::uuid, timestamptz '2026-11-25T10:06:00Z', 'writer'),
    ('01a21181-0d80-7000-8000-000000000003'::uuid, timestamptz '2026-11-25T07:00:00Z', 'writer')
) as open (id, created_at, agent);
