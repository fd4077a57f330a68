-- Adds a batch's deltas.
insert into errors_day as u (
    bucket, provider, model, agent, user_id, state, http_status, error_type, error_code, n,
    first_at, last_at
)
select * from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
    $8::text[], $9::text[], $10::bigint[], $11::timestamptz[], $12::timestamptz[]
)
on conflict (bucket, provider, model, agent, user_id, state, http_status, error_type, error_code)
do update set
    n = u.n + excluded.n,
    first_at = least(u.first_at, excluded.first_at),
    last_at = greatest(u.last_at, excluded.last_at)
