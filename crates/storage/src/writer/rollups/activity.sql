-- Adds a batch's deltas, each to the table of its grain.
with deltas as materialized (
    select * from unnest(
        $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::bigint[], $10::bigint[]
    ) as d (
        grain, cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
    )
),
quarters as (
    insert into activity_quarter as u (
        cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
    )
    select cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
    from deltas
    where grain = 'quarter'
    on conflict (cube, bucket, category, entity_type, entity_name, user_id, agent) do update set
        events = u.events + excluded.events,
        failed = u.failed + excluded.failed
),
hours as (
    insert into activity_hour as u (
        cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
    )
    select cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
    from deltas
    where grain = 'hour'
    on conflict (cube, bucket, category, entity_type, entity_name, user_id, agent) do update set
        events = u.events + excluded.events,
        failed = u.failed + excluded.failed
)
insert into activity_day as u (
    cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
)
select cube, bucket, category, entity_type, entity_name, user_id, agent, events, failed
from deltas
where grain = 'day'
on conflict (cube, bucket, category, entity_type, entity_name, user_id, agent) do update set
    events = u.events + excluded.events,
    failed = u.failed + excluded.failed
