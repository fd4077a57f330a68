-- Audit events of the traces $2, and the event $3, in their order.
select
    seq as "seq!", created_at as "created_at!", category as "category!", event as "event!",
    user_id as "user", agent, token, trace_id, subject_id, state, detail,
    (select min(size) from audit_checkpoints where size > seq and seq >= 0) as "covered"
from audit_trail
where (trace_id = any ($2) or seq = $3)
  and ($1::text is null or agent = $1)
order by seq
limit $4
