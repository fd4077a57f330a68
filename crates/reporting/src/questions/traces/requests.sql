-- Requests of the traces $2, finished in [$3, $4) or under way; stale ones began
-- before $6.
select
    id as "id!", trace_id as "trace_id!", created_at as "created_at!", finished_at, state as "state!",
    provider as "provider!", api as "api!", requested_model, served_model, agent, user_id as "user",
    token, http_status, error_type, error_code, finish_reason, cost_nanos, latency_us,
    request_bytes as "request_bytes!", response_bytes
from (
    select
        id, trace_id, created_at, finished_at, state, provider, api, requested_model, served_model,
        agent, user_id, token, http_status, error_type, error_code, finish_reason, cost_nanos,
        latency_us, request_bytes, response_bytes
    from ai_requests
    where trace_id = any ($2) and created_at >= $3 and created_at < $4
    union all
    select
        id, trace_id, created_at, null, case when created_at < $6 then 'stale' else 'started' end,
        context ->> 'provider', context ->> 'api', context ->> 'requested_model', null,
        context ->> 'agent', context ->> 'user', context ->> 'token', null, null, null, null, null,
        null, (context ->> 'request_bytes')::bigint, null
    from open_requests
    where trace_id = any ($2)
) as requests
where ($1::text is null or agent = $1)
order by created_at, id
limit $5
