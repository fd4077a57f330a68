-- Adds a batch's deltas.
insert into usage_quarter as u (
    bucket, provider, model, agent, user_id, requests, completed, failed, client_disconnect,
    upstream_timeout, paused, shutdown, lost, streamed, input, cache_read, cache_write_5m,
    cache_write_1h, audio_input, tool_input, output, reasoning, audio_output, cost_nanos,
    unpriced, unpriced_tokens, without_usage, latency_us, latency_n, ttfb_us, ttfb_n
)
select * from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
    $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
    $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[],
    $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[],
    $31::bigint[]
)
on conflict (bucket, provider, model, agent, user_id) do update set
    requests = u.requests + excluded.requests,
    completed = u.completed + excluded.completed,
    failed = u.failed + excluded.failed,
    client_disconnect = u.client_disconnect + excluded.client_disconnect,
    upstream_timeout = u.upstream_timeout + excluded.upstream_timeout,
    paused = u.paused + excluded.paused,
    shutdown = u.shutdown + excluded.shutdown,
    lost = u.lost + excluded.lost,
    streamed = u.streamed + excluded.streamed,
    input = u.input + excluded.input,
    cache_read = u.cache_read + excluded.cache_read,
    cache_write_5m = u.cache_write_5m + excluded.cache_write_5m,
    cache_write_1h = u.cache_write_1h + excluded.cache_write_1h,
    audio_input = u.audio_input + excluded.audio_input,
    tool_input = u.tool_input + excluded.tool_input,
    output = u.output + excluded.output,
    reasoning = u.reasoning + excluded.reasoning,
    audio_output = u.audio_output + excluded.audio_output,
    cost_nanos = u.cost_nanos + excluded.cost_nanos,
    unpriced = u.unpriced + excluded.unpriced,
    unpriced_tokens = u.unpriced_tokens + excluded.unpriced_tokens,
    without_usage = u.without_usage + excluded.without_usage,
    latency_us = u.latency_us + excluded.latency_us,
    latency_n = u.latency_n + excluded.latency_n,
    ttfb_us = u.ttfb_us + excluded.ttfb_us,
    ttfb_n = u.ttfb_n + excluded.ttfb_n
