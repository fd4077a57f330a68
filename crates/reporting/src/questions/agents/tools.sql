-- The tools that models asked the agent $2 to run, in its newest $5 requests of
-- the period [$3, $4) that asked for any; the most frequent first.
select tool as "tool!", count(*) as "calls!"
from (
    select tool_calls
    from ai_requests
    where agent = $2
      and created_at >= $3 and created_at < $4
      and tool_calls is not null
      and ($1::text is null or agent = $1)
    order by created_at desc
    limit $5
) as newest, unnest(string_to_array(tool_calls, ',')) as tool
group by tool
order by count(*) desc, tool
