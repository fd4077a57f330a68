-- The models of the windows $2 that have requests without a price, those with
-- the most first. Of imported usage the tokens may be all that is known.
select
    provider as "provider!",
    model as "model!",
    sum(unpriced)::bigint as "unpriced!",
    sum(unpriced_tokens)::bigint as "unpriced_tokens!",
    sum(input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input)::bigint
        as "input_tokens!",
    sum(output + reasoning + audio_output)::bigint as "output_tokens!",
    (min(bucket) filter (where unpriced > 0 or unpriced_tokens > 0)) as "first_seen!",
    (max(bucket) filter (where unpriced > 0 or unpriced_tokens > 0)) as "last_seen!"
from usage
where in_windows(grain, bucket, $2)
  and (grain = 'quarter' or cube = $3)
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or model = any ($4))
  and (cardinality($5::text[]) = 0 or provider = any ($5))
  and (cardinality($6::text[]) = 0 or agent = any ($6))
  and (cardinality($7::text[]) = 0 or user_id = any ($7))
group by provider, model
having sum(unpriced) > 0 or sum(unpriced_tokens) > 0
order by
    sum(unpriced) desc,
    case when sum(unpriced) = 0 then sum(unpriced_tokens) end desc,
    provider, model
limit $8
