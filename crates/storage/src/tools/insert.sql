-- Stores tool calls; says which of them were not there yet.
insert into mcp_tool_executions (
    id, created_at, trace_id, parent_span_id, request_id, server, tool, via, user_id, agent, token,
    session_id, conversation_id, call_id, rpc_id, client_name, client_version, protocol_version,
    status, error_type, error_code, argument_hash, latency_us, ttfb_us, request_bytes,
    response_bytes
)
select * from unnest(
    $1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
    $22::text[], $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[]
)
on conflict do nothing
returning id
