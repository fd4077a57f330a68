-- Adds a batch's deltas, each to the table of its grain.
with deltas as materialized (
    select * from unnest(
        $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
        $7::smallint[], $8::bigint[]
    ) as d (grain, cube, bucket, server, tool, agent, slot, n)
),
quarters as (
    insert into tool_latency_quarter as u (cube, bucket, server, tool, agent, slot, n)
    select cube, bucket, server, tool, agent, slot, n from deltas where grain = 'quarter'
    on conflict (cube, bucket, server, tool, agent, slot) do update set n = u.n + excluded.n
),
hours as (
    insert into tool_latency_hour as u (cube, bucket, server, tool, agent, slot, n)
    select cube, bucket, server, tool, agent, slot, n from deltas where grain = 'hour'
    on conflict (cube, bucket, server, tool, agent, slot) do update set n = u.n + excluded.n
)
insert into tool_latency_day as u (cube, bucket, server, tool, agent, slot, n)
select cube, bucket, server, tool, agent, slot, n from deltas where grain = 'day'
on conflict (cube, bucket, server, tool, agent, slot) do update set n = u.n + excluded.n
