-- Inserts activity; answers the ids of what was not there yet.
insert into user_activity (
    id, created_at, category, action, entity_type, entity_name, user_id, agent, token, session_id,
    trace_id, metadata
)
select
    id, created_at, category, action, entity_type, entity_name, user_id, agent, token, session_id,
    trace_id, metadata::jsonb
from unnest(
    $1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[]
) as a (
    id, created_at, category, action, entity_type, entity_name, user_id, agent, token, session_id,
    trace_id, metadata
)
on conflict do nothing
returning id
