-- Conversations that began in the period [$2, $3), the newest first, down from
-- ($4, $5).
select
    conversation_id, derived, agent, user_id as "user", first_at, last_at, requests, input_tokens,
    output_tokens, cost_nanos, unpriced
from conversations
where first_at >= $2 and first_at < $3
  and ($4::timestamptz is null or (first_at, conversation_id) < ($4, $5::text))
  and ($1::text is null or agent = $1)
  and (cardinality($6::text[]) = 0 or agent = any ($6))
  and (cardinality($7::text[]) = 0 or user_id = any ($7))
order by first_at desc, conversation_id desc
limit $8
