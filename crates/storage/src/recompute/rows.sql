-- The next requests with usage after ($1, $2) and before $3; $4 their provider,
-- $5 their models, $6 how many.
select
    id, created_at, user_id, agent, conversation_id, provider, requested_model, served_model,
    service_tier, input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input,
    output, reasoning, audio_output, usage_extra, cost_nanos, price_version
from ai_requests
where (created_at, id) > ($1, $2)
    -- Says no more, but tells the planner which partitions to leave out.
    and created_at >= $1
    and created_at < $3
    and usage_source <> 'none'
    and ($4::text is null or provider = $4)
    and ($5::text[] is null or served_model = any($5) or requested_model = any($5))
order by created_at, id
limit $6
