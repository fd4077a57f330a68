-- Requests of a conversation with usage for which no price is known. Where some have
-- none, a cost of zero is not what it cost.
alter table conversations add column unpriced bigint not null default 0;
alter table conversation_hour add column unpriced bigint not null default 0;
alter table conversation_day add column unpriced bigint not null default 0;

comment on column conversations.unpriced is 'Requests with usage and without a cost; those whose detail was gone when this was added are not counted';

create or replace view begun as
    select 'hour' as grain, h.* from conversation_hour h
    union all
    select 'day' as grain, d.* from conversation_day d;

update conversations c set unpriced = r.unpriced
from (
    select conversation_id, count(*) as unpriced
    from ai_requests
    where conversation_id is not null and usage_source <> 'none' and cost_nanos is null
    group by conversation_id
) r
where c.conversation_id = r.conversation_id;

update conversation_hour u set unpriced = s.unpriced
from (
    select
        cube, date_bin('1 hour', first_at, 'epoch') as bucket,
        case when cube = 'agent' then coalesce(agent, '') else '' end as agent,
        sum(unpriced)::bigint as unpriced
    from conversations
    cross join unnest(array['total', 'agent']) as cube
    where unpriced > 0
    group by 1, 2, 3
) s
where (u.cube, u.bucket, u.agent) = (s.cube, s.bucket, s.agent);

update conversation_day u set unpriced = s.unpriced
from (
    select cube, date_bin('1 day', bucket, 'epoch') as bucket, agent, sum(unpriced)::bigint as unpriced
    from conversation_hour
    where unpriced > 0
    group by 1, 2, 3
) s
where (u.cube, u.bucket, u.agent) = (s.cube, s.bucket, s.agent);
