-- Spend in the windows $2 by the dimension $8, the largest first by $9. It adds
-- up far fewer columns than usage.sql, because users can be many. Costs are
-- converted as there, at the rates $11 from the moments $12 on.
with counted as (
    select
        case $8::text
            when 'provider' then provider
            when 'model' then model
            when 'agent' then agent
            when 'user' then user_id
        end as name,
        requests, cost_nanos, unpriced, unpriced_tokens,
        ($11::text[])[1 + width_bucket(bucket, $12::timestamptz[])]::numeric as rate,
        input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input as input_tokens,
        output + reasoning + audio_output as output_tokens
    from usage
    where in_windows(grain, bucket, $2)
      and (grain = 'quarter' or cube = $3)
      and ($1::text is null or agent = $1)
      and (cardinality($4::text[]) = 0 or model = any ($4))
      and (cardinality($5::text[]) = 0 or provider = any ($5))
      and (cardinality($6::text[]) = 0 or agent = any ($6))
      and (cardinality($7::text[]) = 0 or user_id = any ($7))
),

spent as (
    select
        name,
        sum(requests) as requests,
        case
            when cardinality($11) = 0 then sum(cost_nanos)
            else sum(cost_nanos * rate)
        end as cost,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(unpriced) as unpriced,
        sum(unpriced_tokens) as unpriced_tokens
    from counted
    group by name
)

select
    name as "name!",
    requests::bigint as "requests!",
    cost::text as "priced!: Amount",
    (sum(cost) over ())::text as "all_priced!: Amount",
    input_tokens::bigint as "input_tokens!",
    output_tokens::bigint as "output_tokens!",
    unpriced::bigint as "unpriced!",
    unpriced_tokens::bigint as "unpriced_tokens!"
from spent
order by
    case $9::text
        when 'cost' then cost
        when 'requests' then requests
        when 'tokens' then input_tokens + output_tokens
    end desc,
    name
limit $10
