-- Conversations whose ids begin with $2, in an order in which the whole id comes
-- first; the index on prefixes has that order.
select
    conversation_id, derived, agent, user_id as "user", first_at, last_at, requests, input_tokens,
    output_tokens, cost_nanos, unpriced
from conversations
where conversation_id ^@ $2
  and ($1::text is null or agent = $1)
order by conversation_id using ~<~
limit $3
