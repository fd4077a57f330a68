-- Users in the windows $2, those with the most edits and tool calls first.
select
    user_id as "name!",
    sum(events)::bigint as "events!",
    coalesce(sum(events) filter (where category = 'marketplace_edit'), 0)::bigint as "edits!",
    coalesce(sum(events) filter (where category = 'tool_usage'), 0)::bigint as "tool_uses!",
    coalesce(sum(events) filter (where category = 'prompt'), 0)::bigint as "prompts!",
    coalesce(sum(events - failed) filter (where category = 'login'), 0)::bigint as "logins!",
    sum(failed)::bigint as "errors!",
    max(bucket) as "last_bucket!"
from activity
where in_windows(grain, bucket, $2)
  and cube = $3
  and user_id <> ''
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or category = any ($4))
  and (cardinality($5::text[]) = 0 or entity_type = any ($5))
  and (cardinality($6::text[]) = 0 or user_id = any ($6))
group by user_id
order by
    sum(events) filter (where category in ('marketplace_edit', 'tool_usage')) desc nulls last,
    sum(events) desc,
    user_id
limit $7
