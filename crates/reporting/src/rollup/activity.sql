-- Activity in the windows $2, added up by the steps that begin at $7. Whoever
-- failed to sign in did not. Users are counted where the cube $3 has them: each is
-- added up first, as counting different ones would sort them all.
with of_users as (
    select
        width_bucket(bucket, $7::timestamptz[]) as step,
        user_id,
        sum(events) as events,
        sum(events) filter (where category = 'marketplace_edit') as edits,
        sum(events - failed) filter (where category = 'login') as logins,
        sum(events) filter (where category = 'prompt') as prompts,
        sum(events) filter (where category = 'tool_usage') as tool_uses,
        sum(events) filter (where category = 'skill_usage') as skill_runs,
        sum(events) filter (where category = 'session') as sessions,
        sum(failed) as errors
    from activity
    where in_windows(grain, bucket, $2)
      and cube = $3
      and ($1::text is null or agent = $1)
      and (cardinality($4::text[]) = 0 or category = any ($4))
      and (cardinality($5::text[]) = 0 or entity_type = any ($5))
      and (cardinality($6::text[]) = 0 or user_id = any ($6))
    group by 1, 2
)

select
    step as "step!",
    sum(events)::bigint as "events!",
    coalesce(sum(edits), 0)::bigint as "edits!",
    coalesce(sum(logins), 0)::bigint as "logins!",
    coalesce(sum(prompts), 0)::bigint as "prompts!",
    coalesce(sum(tool_uses), 0)::bigint as "tool_uses!",
    coalesce(sum(skill_runs), 0)::bigint as "skill_runs!",
    coalesce(sum(sessions), 0)::bigint as "sessions!",
    sum(errors)::bigint as "errors!",
    count(*) filter (where user_id <> '') as "users!"
from of_users
group by step
order by step
