-- The newest $5 requests of the conversation $2, which began at $3 and has its
-- last one at $4.
select
    id, created_at, provider, coalesce(served_model, requested_model) as model, state, tool_calls,
    case when usage_source <> 'none' then
        input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input
    end as input_tokens,
    case when usage_source <> 'none' then output + reasoning + audio_output end as output_tokens,
    cost_nanos, latency_us
from ai_requests
where conversation_id = $2
  and created_at >= $3 and created_at <= $4
  and ($1::text is null or agent = $1)
order by created_at desc, id desc
limit $5
