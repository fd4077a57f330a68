-- Log lines of the period [$1, $2) that match whatever is given: one of the
-- levels $3, a target that holds $4, a trace between $5 and $6, the text $7, and
-- beyond the line ($8, $9) in the order that is appended.
select id, created_at, level, target, message, trace_id, request_id, fields
from logs
where created_at >= $1 and created_at < $2
  and level = any ($3)
  and ($4::text is null or position($4 in target) > 0)
  and ($5::uuid is null or trace_id between $5 and $6)
  and ($7::text is null
       or position(lower($7) in lower(message || ' ' || coalesce(fields::text, ''))) > 0)
