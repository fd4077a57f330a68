-- Imported usage that began since $1 and before $2, after $3; $4 its provider, $5 its models,
-- $6 how many.
select
    id, began_at, ended_at, provider, model, agent, user_id, service_tier, prompt_tokens,
    coalesce(requests, 0) as requests, input, cache_read, cache_write_5m, cache_write_1h,
    audio_input, tool_input, output, reasoning, audio_output, usage_extra, cost_nanos,
    price_version
from imported_usage
where began_at >= $1 and began_at < $2
    and id > $3
    and ($4::text is null or provider = $4)
    and ($5::text[] is null or model = any($5))
order by id
limit $6
