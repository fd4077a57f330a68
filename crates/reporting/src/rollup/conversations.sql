-- Conversations that began in [$2, $3), added up by the steps that begin at $6
-- and, if $7 says so, by agent. Their figures go on beyond the period. What was
-- not asked for is constant to the planner, which then need not group by it. Costs
-- are converted as in usage.sql, at the rates $8 from the moments $9 on, each at
-- the one of the moment its conversation began.
select
    case when cardinality($6::timestamptz[]) = 0 then 0 else width_bucket(first_at, $6) end as "step!",
    case when $7::boolean then coalesce(agent, '') else '' end as "agent!",
    count(*) as "conversations!",
    count(*) filter (where derived) as "derived!",
    sum(requests)::bigint as "requests!",
    sum(input_tokens)::bigint as "input_tokens!",
    sum(output_tokens)::bigint as "output_tokens!",
    case
        when cardinality($8::text[]) = 0 then sum(cost_nanos)
        else sum(cost_nanos * ($8)[1 + width_bucket(first_at, $9::timestamptz[])]::numeric)
    end::text as "spent!: Amount",
    (extract(epoch from sum(last_at - first_at)) * 1000000)::bigint as "duration_us!"
from conversations
where first_at >= $2 and first_at < $3
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or agent = any ($4) or agent is null and '' = any ($4))
  and (cardinality($5::text[]) = 0 or user_id = any ($5))
group by 1, 2
order by 1, 2
