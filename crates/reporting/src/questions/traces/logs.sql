-- Log lines of the traces $1 in [$2, $3), in their order.
select id, created_at, level, target, message, trace_id, request_id, fields
from logs
where trace_id = any ($1) and created_at >= $2 and created_at < $3
order by created_at, id
limit $4
