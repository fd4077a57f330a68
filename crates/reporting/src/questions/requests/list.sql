-- Requests of the period [$2, $3), the newest first, down from ($4, $5). Those
-- under way come from open_requests.
with finished as (
    select
        id, created_at, provider, api, requested_model,
        coalesce(served_model, requested_model) as model,
        agent, user_id, session_id, conversation_id, trace_id, state, http_status, error_type,
        streamed,
        case when usage_source <> 'none' then
            input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input
        end as input_tokens,
        case when usage_source <> 'none' then output + reasoning + audio_output end as output_tokens,
        case when usage_source <> 'none' then cache_read end as cache_read_tokens,
        case when usage_source <> 'none' then cache_write_5m + cache_write_1h end as cache_write_tokens,
        case when usage_source <> 'none' then reasoning end as reasoning_tokens,
        cost_nanos, latency_us, ttfb_us
    from ai_requests
    where created_at >= $2 and created_at < $3
      and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
      and ($1::text is null or agent = $1)
      and (cardinality($6::text[]) = 0 or coalesce(served_model, requested_model) = any ($6))
      and (cardinality($7::text[]) = 0 or provider = any ($7))
      and (cardinality($8::text[]) = 0 or agent = any ($8))
      and (cardinality($9::text[]) = 0 or user_id = any ($9))
      and (cardinality($10::text[]) = 0 or state = any ($10))
      and ($11::uuid is null or trace_id = $11)
      and ($12::text is null or conversation_id = $12)
    order by created_at desc, id desc
    limit $13
),

under_way as (
    select
        id, created_at, context ->> 'provider' as provider, context ->> 'api' as api,
        context ->> 'requested_model' as model, context ->> 'agent' as agent,
        context ->> 'user' as user_id, context ->> 'session_id' as session_id,
        context ->> 'conversation_id' as conversation_id, trace_id,
        case when created_at < $14 then 'stale' else 'started' end as state,
        (context ->> 'streamed')::boolean as streamed
    from open_requests
    where created_at >= $2 and created_at < $3
      and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
),

under_way_wanted as (
    select
        id, created_at, provider, api, model as requested_model, model, agent, user_id, session_id,
        conversation_id, trace_id, state, null::smallint, null, streamed,
        null::bigint, null::bigint, null::bigint, null::bigint, null::bigint,
        null::bigint, null::bigint, null::bigint
    from under_way
    where ($1::text is null or agent = $1)
      and (cardinality($6::text[]) = 0 or model = any ($6))
      and (cardinality($7::text[]) = 0 or provider = any ($7))
      and (cardinality($8::text[]) = 0 or agent = any ($8))
      and (cardinality($9::text[]) = 0 or user_id = any ($9))
      and (cardinality($10::text[]) = 0 or state = any ($10))
      and ($11::uuid is null or trace_id = $11)
      and ($12::text is null or conversation_id = $12)
    order by created_at desc, id desc
    limit $13
)

select
    id as "id!", created_at as "created_at!", provider as "provider!", api as "api!",
    requested_model, model, agent, user_id as "user", session_id, conversation_id,
    trace_id as "trace_id!", state as "state!", http_status, error_type, streamed as "streamed!",
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    cost_nanos, latency_us, ttfb_us
from (
    select * from finished
    union all
    select * from under_way_wanted
) as requests
order by created_at desc, id desc
limit $13
