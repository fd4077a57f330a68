-- Conversations of which nothing was stored yet, without the requests that follow.
insert into conversations (
    conversation_id, derived, agent, user_id, first_at, last_at, requests, input_tokens,
    output_tokens, cost_nanos, unpriced
)
select conversation_id, derived, agent, user_id, first_at, first_at, 0, 0, 0, 0, 0
from unnest($1::text[], $2::bool[], $3::text[], $4::text[], $5::timestamptz[])
    as c (conversation_id, derived, agent, user_id, first_at)
on conflict do nothing
