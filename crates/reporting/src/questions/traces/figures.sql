-- What the requests of the traces $4 in [$2, $3) come to, by the UTC day: each
-- day has its own exchange rate.
select
    trace_id,
    min(created_at) as "first_at!",
    max(finished_at) as "last_at!",
    count(*) as "requests!",
    count(*) filter (where state in ('failed', 'upstream_timeout', 'lost')) as "errors!",
    coalesce(sum(cost_nanos), 0)::bigint as "cost_nanos!",
    count(*) filter (where usage_source <> 'none' and cost_nanos is null) as "unpriced!",
    coalesce(array_agg(distinct agent) filter (where agent is not null), '{}') as "agents!"
from ai_requests
where trace_id = any ($4) and created_at >= $2 and created_at < $3
  and ($1::text is null or agent = $1)
group by trace_id, (created_at at time zone 'UTC')::date
