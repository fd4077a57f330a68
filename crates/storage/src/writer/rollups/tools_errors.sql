-- Adds a batch's deltas, each to the table of its grain.
with deltas as materialized (
    select * from unnest(
        $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::bigint[], $11::timestamptz[], $12::timestamptz[]
    ) as d (
        grain, bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at,
        last_at
    )
),
quarters as (
    insert into tool_errors_quarter as u (
        bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
    )
    select
        bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
    from deltas
    where grain = 'quarter'
    on conflict (bucket, server, tool, agent, user_id, status, error_type, error_code) do update set
        n = u.n + excluded.n,
        first_at = least(u.first_at, excluded.first_at),
        last_at = greatest(u.last_at, excluded.last_at)
)
insert into tool_errors_hour as u (
    bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
)
select
    bucket, server, tool, agent, user_id, status, error_type, error_code, n, first_at, last_at
from deltas
where grain = 'hour'
on conflict (bucket, server, tool, agent, user_id, status, error_type, error_code) do update set
    n = u.n + excluded.n,
    first_at = least(u.first_at, excluded.first_at),
    last_at = greatest(u.last_at, excluded.last_at)
