-- Conversations that began in the days from $2 to $3 and the hours from $4 to $5,
-- which rollups have, and in what is left from $6 to $7, added up by the steps that
-- begin at $8 and, if $9 says so, by agent. Their figures go on beyond the period.
-- What was not asked for is constant to the planner, which then need not group by
-- it. Costs are converted as in usage.sql, at the rates $12 from the moments $13 on,
-- each at the one of the UTC day on which its conversation began.
with counted as (
    select
        bucket as at, agent, conversations, derived, requests, input_tokens, output_tokens, cost_nanos,
        unpriced, duration_us
    from unnest($2::timestamptz[], $3::timestamptz[]) as days (since, until)
    join conversation_day on bucket >= since and bucket < until and cube = $14
    where ($1::text is null or agent = $1)
      and (cardinality($10::text[]) = 0 or agent = any ($10))
    union all
    select
        bucket, agent, conversations, derived, requests, input_tokens, output_tokens, cost_nanos,
        unpriced, duration_us
    from unnest($4::timestamptz[], $5::timestamptz[]) as hours (since, until)
    join conversation_hour on bucket >= since and bucket < until and cube = $14
    where ($1::text is null or agent = $1)
      and (cardinality($10::text[]) = 0 or agent = any ($10))
    union all
    select
        first_at, coalesce(agent, ''), 1, derived::int, requests, input_tokens, output_tokens, cost_nanos,
        unpriced, (extract(epoch from last_at - first_at) * 1000000)::bigint
    from unnest($6::timestamptz[], $7::timestamptz[]) as edges (since, until)
    join conversations on first_at >= since and first_at < until
    where ($1::text is null or agent = $1)
      and (cardinality($10::text[]) = 0 or agent = any ($10) or agent is null and '' = any ($10))
      and (cardinality($11::text[]) = 0 or user_id = any ($11))
)
select
    case when cardinality($8::timestamptz[]) = 0 then 0 else width_bucket(at, $8) end as "step!",
    case when $9::boolean then agent else '' end as "agent!",
    sum(conversations)::bigint as "conversations!",
    sum(derived)::bigint as "derived!",
    sum(requests)::bigint as "requests!",
    sum(input_tokens)::bigint as "input_tokens!",
    sum(output_tokens)::bigint as "output_tokens!",
    case
        when cardinality($12::text[]) = 0 then sum(cost_nanos)
        else sum(cost_nanos * ($12)[1 + width_bucket(at, $13::timestamptz[])]::numeric)
    end::text as "priced!: Amount",
    sum(unpriced)::bigint as "unpriced!",
    sum(duration_us)::bigint as "duration_us!"
from counted
group by 1, 2
having sum(conversations) > 0
order by 1, 2
