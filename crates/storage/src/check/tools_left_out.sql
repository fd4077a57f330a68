-- UTC days whose tool calls were counted and have no detail, or not all of it.
select bucket
from tool_day
where cube = 'total'
  and (
      bucket < (select kept_from from retained where what = 'detail')
      or exists (
          select from seen_ids
          where source = 'tool'
            and created_at >= bucket and created_at < bucket + interval '1 day'
      )
      or not exists (
          select from mcp_tool_executions
          where created_at >= bucket and created_at < bucket + interval '1 day'
      )
  )
order by bucket
