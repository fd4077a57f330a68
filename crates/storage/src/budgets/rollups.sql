-- What a scope's requests came to in the windows $1; of hours and days, the
-- rows of the cube $2.
select
    coalesce(sum(cost_nanos), 0)::bigint,
    coalesce(sum(requests - paused), 0)::bigint,
    coalesce(sum(failed + upstream_timeout + lost), 0)::bigint,
    coalesce(sum(unpriced), 0)::bigint
from usage
where in_windows(grain, bucket, $1)
  and (grain = 'quarter' or cube = $2)
  and ($3::text is null or provider = $3)
  and ($4::text is null or model = $4)
  and ($5::text is null or agent = $5)
  and ($6::text is null or user_id = $6)
