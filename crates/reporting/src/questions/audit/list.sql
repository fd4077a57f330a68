-- Audit events of the period [$2, $3) with numbers from $4 to $5, the last first.
select
    seq as "seq!", created_at as "created_at!", category as "category!", event as "event!", outcome,
    user_id as "user", agent, token, trace_id, subject_id, state, detail
from audit_trail
where seq >= $4 and seq <= $5
  and created_at >= $2 and created_at < $3
  and ($1::text is null or agent = $1)
  and (cardinality($6::text[]) = 0 or category = any ($6))
  and (cardinality($7::text[]) = 0 or event = any ($7))
  and (cardinality($8::text[]) = 0 or user_id = any ($8))
  and (cardinality($9::text[]) = 0 or agent = any ($9))
  and ($10::uuid is null or trace_id = $10)
order by seq desc
limit $11
