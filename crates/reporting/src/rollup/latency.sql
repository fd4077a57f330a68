-- Latency histograms in the windows $2, added up by the steps that begin at $7
-- and by the dimensions named in $8.
select
    width_bucket(bucket, $7::timestamptz[]) as "step!",
    case when 'provider' = any ($8::text[]) then provider else '' end as "provider!",
    case when 'model' = any ($8) then model else '' end as "model!",
    case when 'agent' = any ($8) then agent else '' end as "agent!",
    slot as "slot!",
    sum(n)::bigint as "n!"
from latency
where in_windows(grain, bucket, $2)
  and (grain = 'quarter' or cube = $3)
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or model = any ($4))
  and (cardinality($5::text[]) = 0 or provider = any ($5))
  and (cardinality($6::text[]) = 0 or agent = any ($6))
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
