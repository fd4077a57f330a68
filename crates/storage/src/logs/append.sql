-- Keeps log lines. What was kept by an attempt whose answer got lost is there.
insert into logs (id, created_at, level, target, message, trace_id, request_id, fields)
select id, created_at, level, target, message, trace_id, request_id, fields
from unnest(
    $1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
    $8::jsonb[]
) as l (id, created_at, level, target, message, trace_id, request_id, fields)
on conflict do nothing
