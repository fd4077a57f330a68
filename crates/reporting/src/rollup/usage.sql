-- Usage in the windows $2, added up by the steps that begin at $8 and by the
-- dimensions named in $9. Costs are converted at the rates $10, each but the
-- first from its moment in $11 on; without rates they are nano-dollars.
select
    width_bucket(bucket, $8::timestamptz[]) as "step!",
    case when 'provider' = any ($9::text[]) then provider else '' end as "provider!",
    case when 'model' = any ($9) then model else '' end as "model!",
    case when 'agent' = any ($9) then agent else '' end as "agent!",
    sum(requests)::bigint as "requests!",
    sum(completed)::bigint as "completed!",
    sum(failed)::bigint as "failed!",
    sum(client_disconnect)::bigint as "client_disconnect!",
    sum(upstream_timeout)::bigint as "upstream_timeout!",
    sum(paused)::bigint as "paused!",
    sum(shutdown)::bigint as "shutdown!",
    sum(lost)::bigint as "lost!",
    sum(streamed)::bigint as "streamed!",
    sum(input)::bigint as "input!",
    sum(cache_read)::bigint as "cache_read!",
    sum(cache_write_5m)::bigint as "cache_write_5m!",
    sum(cache_write_1h)::bigint as "cache_write_1h!",
    sum(audio_input)::bigint as "audio_input!",
    sum(tool_input)::bigint as "tool_input!",
    sum(output)::bigint as "output!",
    sum(reasoning)::bigint as "reasoning!",
    sum(audio_output)::bigint as "audio_output!",
    case
        when cardinality($10::text[]) = 0 then sum(cost_nanos)
        else sum(cost_nanos * ($10)[1 + width_bucket(bucket, $11::timestamptz[])]::numeric)
    end::text as "priced!: Amount",
    sum(unpriced)::bigint as "unpriced!",
    sum(unpriced_tokens)::bigint as "unpriced_tokens!",
    sum(without_usage)::bigint as "without_usage!",
    sum(latency_us)::bigint as "latency_us!",
    sum(latency_n)::bigint as "latency_n!",
    sum(ttfb_us)::bigint as "ttfb_us!",
    sum(ttfb_n)::bigint as "ttfb_n!",
    max(bucket) as last_bucket
from usage
where in_windows(grain, bucket, $2)
  and (grain = 'quarter' or cube = $3)
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or model = any ($4))
  and (cardinality($5::text[]) = 0 or provider = any ($5))
  and (cardinality($6::text[]) = 0 or agent = any ($6))
  and (cardinality($7::text[]) = 0 or user_id = any ($7))
group by 1, 2, 3, 4
order by 1, 2, 3, 4
