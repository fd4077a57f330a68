-- Appends events, numbered from $1, and moves the locked head to $2.
with moved as (
    update audit_head set size = $2, frontier = $3, mac = $4
)
insert into audit_events (
    seq, id, created_at, category, event, outcome, user_id, agent, token, trace_id, subject_id,
    state, detail, digest, body
)
select
    $1 + n - 1, id, created_at, category, event, outcome, user_id, agent, token, trace_id,
    subject_id, state, detail::jsonb, digest, body
from unnest(
    $5::uuid[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::bytea[], $18::text[]
) with ordinality as e (
    id, created_at, category, event, outcome, user_id, agent, token, trace_id, subject_id, state,
    detail, digest, body, n
)
