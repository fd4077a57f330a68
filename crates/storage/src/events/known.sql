-- Those of the ids $1 that are known: remembered since $3, or, at the time $2
-- that is in an id but not believed any more, by a row of that time. Each branch
-- is limited so that it stays a look-up for one id.
select e.id
from unnest($1::uuid[], $2::timestamptz[]) as e (id, once)
cross join lateral (
    (select 1 from seen_ids s where s.source = 'event' and s.id = e.id and s.created_at >= $3 limit 1)
    union all
    (select 1 from seen_ids s where s.created_at = e.once and s.id = e.id limit 1)
    union all
    (select 1 from user_activity a where a.created_at = e.once and a.id = e.id limit 1)
    union all
    (select 1 from mcp_tool_executions t where t.created_at = e.once and t.id = e.id limit 1)
) as known
