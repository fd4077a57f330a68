-- Inserts events, numbered from $1.
insert into audit_events (
    seq, id, created_at, category, event, outcome, user_id, agent, token, trace_id, subject_id,
    state, detail, digest, body
)
select
    $1 + n - 1, id, created_at, category, event, outcome, user_id, agent, token, trace_id,
    subject_id, state, detail::jsonb, digest, body
from unnest(
    $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::bytea[], $15::text[]
) with ordinality as e (
    id, created_at, category, event, outcome, user_id, agent, token, trace_id, subject_id, state,
    detail, digest, body, n
)
