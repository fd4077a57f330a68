-- Conversations added up where they began, so that sums over long periods need not
-- read each: `total` all of them, `agent` by whose they are. A conversation is added
-- to for as long as it goes on. Edges within an hour are read from `conversations`.
create table conversation_hour (
    cube          text        not null check (cube in ('total', 'agent')),
    bucket        timestamptz not null,
    agent         text        not null,
    conversations bigint      not null,
    derived       bigint      not null,
    requests      bigint      not null,
    input_tokens  bigint      not null,
    output_tokens bigint      not null,
    cost_nanos    bigint      not null,
    duration_us   bigint      not null,
    primary key (cube, bucket, agent)
) with (fillfactor = 70);

comment on table conversation_hour is 'Conversations by the hour in which they began, once per cube; an unknown agent is empty';
comment on column conversation_hour.requests is 'All their requests so far, whenever they came';
comment on column conversation_hour.duration_us is 'From the first request of each to its last one, together';

create table conversation_day (
    like conversation_hour including constraints,
    primary key (cube, bucket, agent)
) with (fillfactor = 70);

comment on table conversation_day is 'Conversations by the UTC day on which they began, once per cube';

create view begun as
    select 'hour' as grain, h.* from conversation_hour h
    union all
    select 'day' as grain, d.* from conversation_day d;

insert into conversation_hour
select
    cube, date_bin('1 hour', first_at, 'epoch'),
    case when cube = 'agent' then coalesce(agent, '') else '' end, count(*),
    count(*) filter (where derived), sum(requests), sum(input_tokens), sum(output_tokens),
    sum(cost_nanos), sum(extract(epoch from last_at - first_at) * 1000000)
from conversations
cross join unnest(array['total', 'agent']) as cube
group by 1, 2, 3;

insert into conversation_day
select
    cube, date_bin('1 day', bucket, 'epoch'), agent, sum(conversations), sum(derived), sum(requests),
    sum(input_tokens), sum(output_tokens), sum(cost_nanos), sum(duration_us)
from conversation_hour
group by 1, 2, 3;

-- Of one user there are few, which no rollup tells apart.
create index conversations_user on conversations (user_id, first_at) where user_id is not null;
