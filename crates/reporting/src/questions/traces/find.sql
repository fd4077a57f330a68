-- What an id can mean: a request, a tool call or a trace in [$2, $3], a session $6 or one that
-- begins with $7, an audit event $8. $4 and $5 are the times in $2 and $3; a trace
-- begins less than an hour from the time in its id, or `traces` knows it.
select
    kind as "kind!", id as "id!", trace_id
from (
    (
        select 'request' as kind, id::text, trace_id
        from ai_requests
        where created_at >= $4::timestamptz and created_at < $5::timestamptz
          and id between $2::uuid and $3::uuid
          and ($1::text is null or agent = $1)
        limit $9
    )
    union all
    (
        select 'request', id::text, trace_id
        from open_requests
        where id between $2 and $3 and ($1::text is null or context ->> 'agent' = $1)
        limit $9
    )
    union all
    (
        select 'tool call', id::text, trace_id
        from mcp_tool_executions
        where created_at >= $4::timestamptz and created_at < $5::timestamptz
          and id between $2 and $3
          and ($1::text is null or agent = $1)
        limit $9
    )
    union all
    (
        select distinct 'trace', replace(trace_id::text, '-', ''), trace_id
        from ai_requests
        where created_at >= $4::timestamptz - interval '1 hour'
          and created_at < $5::timestamptz + interval '1 hour'
          and trace_id between $2 and $3
          and ($1::text is null or agent = $1)
        limit $9
    )
    union all
    (
        select 'trace', replace(t.trace_id::text, '-', ''), t.trace_id
        from traces t
        where t.trace_id between $2 and $3
          and ($1::text is null or exists (
              select from ai_requests r
              where r.trace_id = t.trace_id
                and r.created_at >= t.first_at and r.created_at <= t.last_at and r.agent = $1))
        limit $9
    )
    union all
    (
        select 'trace', replace(trace_id::text, '-', ''), trace_id
        from open_requests
        where trace_id between $2 and $3 and ($1::text is null or context ->> 'agent' = $1)
        limit $9
    )
    union all
    (
        select distinct 'trace', replace(trace_id::text, '-', ''), trace_id
        from audit_events
        where trace_id between $2 and $3 and ($1::text is null or agent = $1)
        limit $9
    )
    union all
    (
        select distinct 'trace', replace(trace_id::text, '-', ''), trace_id
        from logs
        where created_at >= $4::timestamptz - interval '1 hour'
          and created_at < $5::timestamptz + interval '1 hour'
          and trace_id between $2 and $3 and $1::text is null
        limit $9
    )
    union all
    (
        select distinct 'session', session_id, trace_id
        from ai_requests
        where (session_id = $6 or session_id ^@ $7) and ($1::text is null or agent = $1)
        limit $9
    )
    union all
    select 'event', seq::text, trace_id
    from audit_events
    where seq = $8 and ($1::text is null or agent = $1)
) as found
