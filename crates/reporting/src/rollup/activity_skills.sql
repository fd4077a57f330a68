-- Skills that ran in the windows $2, the most used first.
select
    entity_name as "name!",
    sum(events)::bigint as "runs!",
    sum(failed)::bigint as "failed!",
    max(bucket) as "last_bucket!"
from activity
where in_windows(grain, bucket, $2)
  and cube = $3
  and category = 'skill_usage'
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or user_id = any ($4))
group by entity_name
order by sum(events) desc, entity_name
limit $5
