-- The requests of the stretch of 24 hours that begins at :begin: conversations of
-- 1, 2, 3, 5 and 14 turns, most of them at midday. Some users do much more than
-- others; each has three agents, each agent three models.
select setseed(:part / 100.0);

insert into ai_requests (
    id, created_at, trace_id, span_id, user_id, agent, token, session_id, conversation_id,
    conversation_derived, provider, api, requested_model, served_model, provider_request_id,
    response_id, streamed, service_tier, state, http_status, error_type, finish_reason, tool_calls,
    usage_source, usage_injected, input, cache_read, cache_write_5m, cache_write_1h, audio_input,
    tool_input, output, reasoning, audio_output, raw_usage, cost_nanos, price_version, latency_us,
    ttfb_us, request_bytes, response_bytes, finished_at
)
with conversations as materialized (
    select
        (array[1, 2, 3, 5, 14])[1 + n % 5] as turns,
        (date_part('epoch', :begin::timestamptz) * 1000 + 86400000 * (u + 0.1 * sin(2 * pi() * u)))::bigint
            as began,
        floor(5000 * pow(random(), 2.5))::int as person,
        floor(3 * pow(random(), 3))::int as which,
        replace(gen_random_uuid()::text, '-', '') as conversation
    from (
        select n, (n + random()) / (:rows / 450) as u from generate_series(0, :rows / 450 - 1) as n
    ) as spread
),

turns as materialized (
    select
        began + turn * 40000 + floor(20000 * random())::bigint as ms,
        person, (person * 7 + which) % 200 as agent, conversation,
        (person * 35 + which * 5 + floor(3 * pow(random(), 3))::int) % 40 as model,
        random() as fate, random() as tool,
        bench_log_normal(7.5, 1.2) as input, bench_log_normal(5.5, 1.0) as output,
        case when random() < 0.4 then 3 else 0 end as cached,
        bench_log_normal(14.7, 0.8) as latency
    from conversations
    cross join lateral generate_series(0, turns - 1) as turn
),

told as materialized (
    select
        *, timestamptz 'epoch' + ms * interval '1 millisecond' as at,
        case
            when fate < 0.020 then 'failed'
            when fate < 0.023 then 'client_disconnect'
            when fate < 0.024 then 'upstream_timeout'
            else 'completed'
        end as state,
        (array['anthropic', 'openai', 'gemini', 'mistral'])[1 + model % 4] as provider,
        'model-' || lpad(model::text, 2, '0') || '-2026-01-01' as name,
        'agent-' || lpad(agent::text, 3, '0') as agent_name
    from turns
)

select
    bench_v7(ms), at, bench_v7(ms), (random() * 9e18)::bigint,
    'user-' || lpad(person::text, 4, '0') || '@example.com', agent_name, 'token-' || agent_name,
    case when tool < 0.01 then 'session-' || conversation end, conversation, true, provider,
    'messages', name, case when state <> 'failed' then name end,
    'req_' || substr(gen_random_uuid()::text, 1, 23), 'msg_' || substr(gen_random_uuid()::text, 1, 23),
    fate < 0.7, 'standard', state,
    case state when 'failed' then 429 when 'upstream_timeout' then 504 else 200 end,
    case when state = 'failed' then (array['rate_limit_error', 'api_error', 'overloaded_error'])[1 + model % 3] end,
    case when state = 'completed' then 'end_turn' end,
    case when tool < 0.2 and state = 'completed' then 'tool_' || lpad((model * 3 % 60)::text, 2, '0') end,
    case when state = 'completed' then 'provider' else 'none' end, false,
    case when state = 'completed' then input else 0 end,
    case when state = 'completed' then input * cached else 0 end, 0, 0, 0, 0,
    case when state = 'completed' then output else 0 end, 0, 0,
    case when state = 'completed' then jsonb_build_object(
        'input_tokens', input, 'cache_creation_input_tokens', 0, 'cache_read_input_tokens', input * cached,
        'output_tokens', output, 'service_tier', 'standard') end,
    case when state = 'completed' and model <> 39 then input * 3000 + input * cached * 300 + output * 15000 end,
    case when state = 'completed' and model <> 39 then '5f3a9c01d2e4b687' end,
    latency, latency / 5, 8000, output * 6, at + latency * interval '1 microsecond'
from told
order by ms;
