-- Activity of the period [$2, $3), the newest first, down from ($4, $5).
select
    id, created_at, category, action, entity_type, entity_name, user_id as "user", agent, token,
    session_id, trace_id, metadata
from user_activity
where created_at >= $2 and created_at < $3
  and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
  and ($1::text is null or agent = $1)
  and (cardinality($6::text[]) = 0 or category = any ($6))
  and (cardinality($7::text[]) = 0 or entity_type = any ($7))
  and (cardinality($8::text[]) = 0 or user_id = any ($8))
order by created_at desc, id desc
limit $9
