-- Adds a batch's deltas, each to the table of its grain. Its events have the
-- numbers from $7 to $8.
with deltas as materialized (
    select * from unnest(
        $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bigint[]
    ) as d (grain, bucket, category, event, agent, n)
),
quarters as (
    insert into audit_quarter as u (bucket, category, event, agent, n, first_seq, last_seq)
    select bucket, category, event, agent, n, $7, $8 from deltas where grain = 'quarter'
    on conflict (bucket, category, event, agent) do update set
        n = u.n + excluded.n,
        first_seq = least(u.first_seq, excluded.first_seq),
        last_seq = greatest(u.last_seq, excluded.last_seq)
),
hours as (
    insert into audit_hour as u (bucket, category, event, agent, n, first_seq, last_seq)
    select bucket, category, event, agent, n, $7, $8 from deltas where grain = 'hour'
    on conflict (bucket, category, event, agent) do update set
        n = u.n + excluded.n,
        first_seq = least(u.first_seq, excluded.first_seq),
        last_seq = greatest(u.last_seq, excluded.last_seq)
)
insert into audit_day as u (bucket, category, event, agent, n, first_seq, last_seq)
select bucket, category, event, agent, n, $7, $8 from deltas where grain = 'day'
on conflict (bucket, category, event, agent) do update set
    n = u.n + excluded.n,
    first_seq = least(u.first_seq, excluded.first_seq),
    last_seq = greatest(u.last_seq, excluded.last_seq)
