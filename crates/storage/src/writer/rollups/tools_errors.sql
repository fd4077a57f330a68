-- Adds deltas to the table of their grain.
insert into tool_errors_GRAIN as u (
    bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
)
select
    bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::bigint[], $10::timestamptz[], $11::timestamptz[]
) as d (
    bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
)
on conflict (bucket, server, tool, agent, user_id, status, error_type, error_code) do update set
    n = u.n + excluded.n,
    first_at = least(u.first_at, excluded.first_at),
    last_at = greatest(u.last_at, excluded.last_at)
