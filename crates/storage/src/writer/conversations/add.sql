-- Adds a batch's requests to conversations that are all there, and what that
-- changes to the rollups. A late request may move the moment at which one began,
-- and with it the whole of it to another hour.
with more as (
    select * from unnest(
        $1::text[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[]
    ) with ordinality as m (
        conversation_id, first_at, last_at, requests, input_tokens, output_tokens, cost_nanos,
        unpriced, nth
    )
),
old as materialized (
    select c.* from more m join conversations c using (conversation_id)
    order by m.nth for update of c
),
new as (
    update conversations c set
        first_at = least(o.first_at, m.first_at),
        last_at = greatest(o.last_at, m.last_at),
        requests = o.requests + m.requests,
        input_tokens = o.input_tokens + m.input_tokens,
        output_tokens = o.output_tokens + m.output_tokens,
        cost_nanos = o.cost_nanos + m.cost_nanos,
        unpriced = o.unpriced + m.unpriced
    from more m join old o using (conversation_id)
    where c.conversation_id = m.conversation_id
    returning c.*
),
moved as (
    -- What is not counted yet is not taken away either.
    select *, -1 as sign from old where requests > 0
    union all
    select *, 1 from new
),
deltas as materialized (
    select
        grain, cube, date_bin(width, first_at, timestamptz 'epoch') as bucket,
        case when cube = 'agent' then coalesce(agent, '') else '' end as agent,
        sum(sign) as conversations,
        coalesce(sum(sign) filter (where derived), 0) as derived,
        sum(sign * requests)::bigint as requests,
        sum(sign * input_tokens)::bigint as input_tokens,
        sum(sign * output_tokens)::bigint as output_tokens,
        sum(sign * cost_nanos)::bigint as cost_nanos,
        sum(sign * extract(epoch from last_at - first_at) * 1000000)::bigint as duration_us,
        sum(sign * unpriced)::bigint as unpriced
    from moved
    cross join (values ('hour', interval '1 hour'), ('day', interval '1 day')) as g (grain, width)
    cross join unnest(array['total', 'agent']) as cube
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
),
hours as (
    insert into conversation_hour as u
    select
        cube, bucket, agent, conversations, derived, requests, input_tokens, output_tokens,
        cost_nanos, duration_us, unpriced
    from deltas
    where grain = 'hour'
    on conflict (cube, bucket, agent) do update set
        conversations = u.conversations + excluded.conversations,
        derived = u.derived + excluded.derived,
        requests = u.requests + excluded.requests,
        input_tokens = u.input_tokens + excluded.input_tokens,
        output_tokens = u.output_tokens + excluded.output_tokens,
        cost_nanos = u.cost_nanos + excluded.cost_nanos,
        duration_us = u.duration_us + excluded.duration_us,
        unpriced = u.unpriced + excluded.unpriced
)
insert into conversation_day as u
select
    cube, bucket, agent, conversations, derived, requests, input_tokens, output_tokens, cost_nanos,
    duration_us, unpriced
from deltas
where grain = 'day'
on conflict (cube, bucket, agent) do update set
    conversations = u.conversations + excluded.conversations,
    derived = u.derived + excluded.derived,
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost_nanos = u.cost_nanos + excluded.cost_nanos,
    duration_us = u.duration_us + excluded.duration_us,
    unpriced = u.unpriced + excluded.unpriced
