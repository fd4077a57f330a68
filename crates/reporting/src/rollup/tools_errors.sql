-- What went wrong with tool calls in the windows $2, the most frequent first.
select
    server as "server!",
    tool as "tool!",
    status as "status!",
    nullif(error_type, '') as error_type,
    nullif(error_code, '') as error_code,
    sum(n)::bigint as "count!",
    min(first_at) as "first_at!",
    max(last_at) as "last_at!"
from tool_errors
where in_windows(grain, bucket, $2)
  and ($1::text is null or agent = $1)
  and (cardinality($3::text[]) = 0 or server = any ($3))
  and (cardinality($4::text[]) = 0 or tool = any ($4))
  and (cardinality($5::text[]) = 0 or agent = any ($5))
  and (cardinality($6::text[]) = 0 or user_id = any ($6))
group by 1, 2, 3, 4, 5
order by sum(n) desc, max(last_at) desc, 1, 2, 3, 4, 5
limit $7
