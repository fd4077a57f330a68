-- Spend in the windows $2 by the dimension $8, the largest first by $9. It adds
-- up far fewer columns than usage.sql, because users can be many.
with spent as (
    select
        case $8::text
            when 'provider' then provider
            when 'model' then model
            when 'agent' then agent
            when 'user' then user_id
        end as name,
        requests, cost_nanos, unpriced,
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
)

select
    name as "name!",
    sum(requests)::bigint as "requests!",
    sum(cost_nanos)::bigint as "cost_nanos!",
    sum(sum(cost_nanos)) over ()::bigint as "all_cost_nanos!",
    sum(input_tokens)::bigint as "input_tokens!",
    sum(output_tokens)::bigint as "output_tokens!",
    sum(unpriced)::bigint as "unpriced!"
from spent
group by name
order by
    case $9::text
        when 'cost' then sum(cost_nanos)
        when 'requests' then sum(requests)
        when 'tokens' then sum(input_tokens + output_tokens)
    end desc,
    name
limit $10
