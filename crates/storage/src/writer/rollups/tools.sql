-- Adds deltas to the table of their grain.
insert into tool_GRAIN as u (
    cube, bucket, server, tool, agent, user_id, executions, success, failed, timeout, cancelled,
    needs_input, latency_us, latency_n, request_bytes, response_bytes
)
select
    cube, bucket, server, tool, agent, user_id, executions, success, failed, timeout, cancelled,
    needs_input, latency_us, latency_n, request_bytes, response_bytes
from unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[]
) as d (
    cube, bucket, server, tool, agent, user_id, executions, success, failed, timeout, cancelled,
    needs_input, latency_us, latency_n, request_bytes, response_bytes
)
on conflict (cube, bucket, server, tool, agent, user_id) do update set
    executions = u.executions + excluded.executions,
    success = u.success + excluded.success,
    failed = u.failed + excluded.failed,
    timeout = u.timeout + excluded.timeout,
    cancelled = u.cancelled + excluded.cancelled,
    needs_input = u.needs_input + excluded.needs_input,
    latency_us = u.latency_us + excluded.latency_us,
    latency_n = u.latency_n + excluded.latency_n,
    request_bytes = u.request_bytes + excluded.request_bytes,
    response_bytes = u.response_bytes + excluded.response_bytes
