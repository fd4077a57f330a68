-- Activity in the windows $2, added up by the steps that begin at $7. Whoever
-- failed to sign in did not. Users are counted where the cube $3 has them.
select
    width_bucket(bucket, $7::timestamptz[]) as "step!",
    sum(events)::bigint as "events!",
    coalesce(sum(events) filter (where category = 'marketplace_edit'), 0)::bigint as "edits!",
    coalesce(sum(events - failed) filter (where category = 'login'), 0)::bigint as "logins!",
    coalesce(sum(events) filter (where category = 'prompt'), 0)::bigint as "prompts!",
    coalesce(sum(events) filter (where category = 'tool_usage'), 0)::bigint as "tool_uses!",
    coalesce(sum(events) filter (where category = 'skill_usage'), 0)::bigint as "skill_runs!",
    coalesce(sum(events) filter (where category = 'session'), 0)::bigint as "sessions!",
    sum(failed)::bigint as "errors!",
    count(distinct user_id) filter (where user_id <> '') as "users!"
from activity
where in_windows(grain, bucket, $2)
  and cube = $3
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or category = any ($4))
  and (cardinality($5::text[]) = 0 or entity_type = any ($5))
  and (cardinality($6::text[]) = 0 or user_id = any ($6))
group by 1
order by 1
