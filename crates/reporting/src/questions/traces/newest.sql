-- The newest traces with finished requests or tool calls in [$2, $3): a trace
-- stands where its last one does, so each walk down a primary key ends after $4 of
-- them, and the newest of all are among the newest of each.
select trace_id as "trace_id!"
from (
    (
        select r.trace_id, r.created_at
        from ai_requests r
        where r.created_at >= $2 and r.created_at < $3
          and ($1::text is null or r.agent = $1)
          and not exists (
              select from ai_requests later
              where later.trace_id = r.trace_id
                and later.created_at >= r.created_at and later.created_at < $3
                and (later.created_at, later.id) > (r.created_at, r.id)
                and ($1::text is null or later.agent = $1)
          )
        order by r.created_at desc, r.id desc
        limit $4
    )
    union all
    (
        select t.trace_id, t.created_at
        from mcp_tool_executions t
        where t.created_at >= $2 and t.created_at < $3
          and ($1::text is null or t.agent = $1)
          and not exists (
              select from mcp_tool_executions later
              where later.trace_id = t.trace_id
                and later.created_at >= t.created_at and later.created_at < $3
                and (later.created_at, later.id) > (t.created_at, t.id)
                and ($1::text is null or later.agent = $1)
          )
        order by t.created_at desc, t.id desc
        limit $4
    )
) as newest
group by trace_id
order by max(created_at) desc, trace_id desc
limit $4
