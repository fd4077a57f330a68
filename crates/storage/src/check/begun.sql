-- Rows of one grain of `begun` that are not the sums over `conversations`. $1 the
-- grain, $2 the width of its buckets, $3 the days that are left out, $4 its cubes,
-- $5 and $6 the moments in between of which rows are compared.
with expected as (
    select
        cube,
        date_bin($2::interval, first_at, timestamptz 'epoch') as bucket,
        case when cube = 'agent' then coalesce(agent, '') else '' end as agent,
        count(*) as conversations,
        count(*) filter (where derived) as derived,
        sum(requests)::bigint as requests,
        sum(input_tokens)::bigint as input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(cost_nanos)::bigint as cost_nanos,
        sum(extract(epoch from last_at - first_at) * 1000000)::bigint as duration_us,
        sum(unpriced)::bigint as unpriced
    from conversations
    cross join unnest($4::text[]) as cube
    where date_bin(interval '1 day', first_at, timestamptz 'epoch') <> all($3)
      and first_at >= $5 and first_at < $6
    group by 1, 2, 3
),
found as (
    select * from begun
    where grain = $1
      -- All that began then may have turned out to have begun before.
      and conversations <> 0
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $5 and bucket < $6
)
select
    concat_ws(' ', cube, bucket, agent) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f using (cube, bucket, agent)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
