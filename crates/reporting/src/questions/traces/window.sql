-- When anything is known to have happened on the traces $1.
select min(first_at) as first_at, max(last_at) as last_at
from (
    select first_at, last_at from traces where trace_id = any ($1)
    union all
    select created_at, created_at from open_requests where trace_id = any ($1)
    union all
    select created_at, created_at from audit_events where trace_id = any ($1)
) as known
