-- Rows of one grain of `activity` that are not the counts over `user_activity`.
-- $1 the grain, $2 the width of its buckets, $3 the days that are left out, $4
-- its cubes, $5 and $6 the moments in between of which rows are compared.
with cubes (cube, by_entity, by_user, by_agent) as (
    values
        ('category', false, false, false),
        ('agent', false, false, true),
        ('entity', true, false, false),
        ('user', false, true, false),
        ('full', true, true, true)
),
expected as (
    select
        c.cube,
        date_bin($2::interval, a.created_at, timestamptz 'epoch') as bucket,
        a.category,
        case when c.by_entity then coalesce(a.entity_type, '') else '' end as entity_type,
        case when c.by_entity then coalesce(a.entity_name, '') else '' end as entity_name,
        case when c.by_user then coalesce(a.user_id, '') else '' end as user_id,
        case when c.by_agent then coalesce(a.agent, '') else '' end as agent,
        count(*) as events,
        count(*) filter (where a.category = 'error' or a.action = 'failed') as failed
    from user_activity a
    cross join cubes c
    where c.cube = any($4)
      and date_bin(interval '1 day', a.created_at, timestamptz 'epoch') <> all($3)
      and a.created_at >= $5 and a.created_at < $6
    group by 1, 2, 3, 4, 5, 6, 7
),
found as (
    select * from activity
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $5 and bucket < $6
)
select
    concat_ws(' ', cube, bucket, category, entity_type, entity_name, user_id, agent) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f
    using (cube, bucket, category, entity_type, entity_name, user_id, agent)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
