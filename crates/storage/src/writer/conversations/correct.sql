-- Adds to conversations, in the order in which they are locked elsewhere, and to the
-- rollups what their requests cost more since they were priced again, and how many
-- have a price now that had none.
with more as (
    select * from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality
        as m (conversation_id, cost_nanos, priced, nth)
),
locked as materialized (
    select m.* from more m join conversations using (conversation_id)
    order by m.nth for update of conversations
),
corrected as (
    update conversations c
    set cost_nanos = c.cost_nanos + l.cost_nanos, unpriced = c.unpriced - l.priced
    from locked l where c.conversation_id = l.conversation_id
    returning c.first_at, coalesce(c.agent, '') as agent, l.cost_nanos, l.priced
),
deltas as materialized (
    select
        grain, cube, date_bin(width, first_at, timestamptz 'epoch') as bucket,
        case when cube = 'agent' then agent else '' end as agent,
        sum(cost_nanos)::bigint as cost_nanos,
        sum(priced)::bigint as priced
    from corrected
    cross join (values ('hour', interval '1 hour'), ('day', interval '1 day')) as g (grain, width)
    cross join unnest(array['total', 'agent']) as cube
    group by 1, 2, 3, 4
),
hours_locked as materialized (
    select d.* from deltas d join conversation_hour using (cube, bucket, agent)
    where d.grain = 'hour'
    order by d.cube, d.bucket, d.agent for update of conversation_hour
),
hours as (
    update conversation_hour u
    set cost_nanos = u.cost_nanos + l.cost_nanos, unpriced = u.unpriced - l.priced
    from hours_locked l
    where u.cube = l.cube and u.bucket = l.bucket and u.agent = l.agent
),
days_locked as materialized (
    select d.* from deltas d join conversation_day using (cube, bucket, agent)
    where d.grain = 'day'
    order by d.cube, d.bucket, d.agent for update of conversation_day
)
update conversation_day u
set cost_nanos = u.cost_nanos + l.cost_nanos, unpriced = u.unpriced - l.priced
from days_locked l
where u.cube = l.cube and u.bucket = l.bucket and u.agent = l.agent
