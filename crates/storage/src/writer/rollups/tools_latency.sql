-- Adds deltas to the table of their grain.
insert into tool_latency_GRAIN as u (cube, bucket, server, tool, agent, slot, n)
select cube, bucket, server, tool, agent, slot, n
from unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[]
) as d (cube, bucket, server, tool, agent, slot, n)
on conflict (cube, bucket, server, tool, agent, slot) do update set n = u.n + excluded.n
