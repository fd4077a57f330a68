-- Adds a batch's deltas.
insert into latency_hour as u (bucket, provider, model, agent, slot, n, cube)
select * from unnest(
    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[],
    $7::text[]
)
on conflict (cube, bucket, provider, model, agent, slot) do update set n = u.n + excluded.n
