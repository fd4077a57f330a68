-- Tool calls in the windows $2, added up by the steps that begin at $8 and by the
-- dimensions named in $9. The cube $3 has these and those of the filters.
select
    width_bucket(bucket, $8::timestamptz[]) as "step!",
    case when 'tool' = any ($9::text[]) then server else '' end as "server!",
    case when 'tool' = any ($9) then tool else '' end as "tool!",
    case when 'agent' = any ($9) then agent else '' end as "agent!",
    sum(executions)::bigint as "executions!",
    sum(success)::bigint as "success!",
    sum(failed)::bigint as "failed!",
    sum(timeout)::bigint as "timeout!",
    sum(cancelled)::bigint as "cancelled!",
    sum(needs_input)::bigint as "needs_input!",
    sum(latency_us)::bigint as "latency_us!",
    sum(latency_n)::bigint as "latency_n!",
    sum(request_bytes)::bigint as "request_bytes!",
    sum(response_bytes)::bigint as "response_bytes!",
    max(bucket) as last_bucket
from tools
where in_windows(grain, bucket, $2)
  and cube = $3
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or server = any ($4))
  and (cardinality($5::text[]) = 0 or tool = any ($5))
  and (cardinality($6::text[]) = 0 or agent = any ($6))
  and (cardinality($7::text[]) = 0 or user_id = any ($7))
group by 1, 2, 3, 4
order by 1, 2, 3, 4
