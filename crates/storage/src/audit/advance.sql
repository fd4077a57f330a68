-- Moves the locked head to $1, and adds the counts of the events that it moves over,
-- which have the numbers from $10 to $11, each to the table of its grain.
with moved as (
    update audit_head set size = $1, frontier = $2, mac = $3
),
deltas as materialized (
    select * from unnest(
        $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::bigint[]
    ) as d (grain, bucket, category, event, agent, n)
),
quarters as (
    insert into audit_quarter as u (bucket, category, event, agent, n, first_seq, last_seq)
    select bucket, category, event, agent, n, $10, $11 from deltas where grain = 'quarter'
    on conflict (bucket, category, event, agent) do update set
        n = u.n + excluded.n,
        first_seq = least(u.first_seq, excluded.first_seq),
        last_seq = greatest(u.last_seq, excluded.last_seq)
),
hours as (
    insert into audit_hour as u (bucket, category, event, agent, n, first_seq, last_seq)
    select bucket, category, event, agent, n, $10, $11 from deltas where grain = 'hour'
    on conflict (bucket, category, event, agent) do update set
        n = u.n + excluded.n,
        first_seq = least(u.first_seq, excluded.first_seq),
        last_seq = greatest(u.last_seq, excluded.last_seq)
)
insert into audit_day as u (bucket, category, event, agent, n, first_seq, last_seq)
select bucket, category, event, agent, n, $10, $11 from deltas where grain = 'day'
on conflict (bucket, category, event, agent) do update set
    n = u.n + excluded.n,
    first_seq = least(u.first_seq, excluded.first_seq),
    last_seq = greatest(u.last_seq, excluded.last_seq)
