-- Stores imported usage; says which of it was not there yet.
insert into imported_usage (
    imported_at, id, source, began_at, ended_at, provider, model, agent, user_id, service_tier,
    prompt_tokens, requests, usage_extra, cost_nanos, price_version, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output
)
select
    $1, id, source, began_at, ended_at, provider, model, agent, user_id, service_tier,
    prompt_tokens, requests, usage_extra::jsonb, cost_nanos, price_version, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output
from unnest(
    $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[],
    $14::bigint[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[]
) as u (
    id, source, began_at, ended_at, provider, model, agent, user_id, service_tier,
    prompt_tokens, requests, usage_extra, cost_nanos, price_version, input, cache_read,
    cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output
)
on conflict do nothing
returning id
