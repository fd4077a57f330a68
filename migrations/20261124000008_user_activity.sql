-- User activity: what people and agents did, for counting and filtering. The
-- rules for detail tables are those of ai_requests.
create table user_activity (
    id          uuid        not null,
    created_at  timestamptz not null,
    category    text        not null check (category in (
        'login', 'logout', 'auth', 'marketplace_edit', 'marketplace_connect', 'skill_usage',
        'prompt', 'tool_usage', 'session', 'user_management', 'error')),
    action      text        not null,
    entity_type text,
    entity_name text,
    user_id     text,
    agent       text,
    token       text,
    session_id  text,
    trace_id    uuid,
    metadata    jsonb,
    primary key (created_at, id)
) partition by range (created_at);

create index user_activity_trace on user_activity (trace_id) where trace_id is not null;

comment on table user_activity is 'What people and agents did; insert-only, one partition a UTC day';
comment on column user_activity.id is 'The sender''s id; created_at is the time in it, or that of its receipt';
comment on column user_activity.action is 'What was done, in one word: created, updated, executed, failed';
comment on column user_activity.entity_type is 'What it was done to: plugin, skill, agent, tool';
comment on column user_activity.token is 'Name of the token that reported it, never the token';

-- Counts of activity, once per cube, so that no total adds up what it does not
-- show:
--
--   category  category
--   agent     category, agent
--   entity    category, entity
--   user      category, user                (quarters and days)
--   full      category, entity, user, agent (quarters and days)
--
-- Dimensions that a cube leaves out, and unknown values, are ''.
create table activity_quarter (
    cube        text        not null check (cube in ('category', 'agent', 'entity', 'user', 'full')),
    bucket      timestamptz not null,
    category    text        not null,
    entity_type text        not null,
    entity_name text        not null,
    user_id     text        not null,
    agent       text        not null,
    events      bigint      not null,
    failed      bigint      not null,
    primary key (cube, bucket, category, entity_type, entity_name, user_id, agent)
) with (fillfactor = 70);

comment on table activity_quarter is 'User activity by quarter of an hour, once per cube';
comment on column activity_quarter.failed is 'Errors, and whatever ended with the action failed';

create table activity_hour (
    like activity_quarter,
    check (cube in ('category', 'agent', 'entity')),
    primary key (cube, bucket, category, entity_type, entity_name, user_id, agent)
) with (fillfactor = 70);

comment on table activity_hour is 'User activity by hour, once per cube; user_id is always empty';

create table activity_day (
    like activity_quarter including constraints,
    primary key (cube, bucket, category, entity_type, entity_name, user_id, agent)
) with (fillfactor = 70);

comment on table activity_day is 'User activity by UTC day, once per cube';

create view activity as
    select 'quarter' as grain, q.* from activity_quarter q
    union all
    select 'hour' as grain, h.* from activity_hour h
    union all
    select 'day' as grain, d.* from activity_day d;

-- Counts of the audit trail. Users are left out: nearly all events are those of
-- AI requests, which usage_day counts by user.
create table audit_quarter (
    bucket    timestamptz not null,
    category  text        not null,
    event     text        not null,
    agent     text        not null,
    n         bigint      not null,
    -- The numbers of the events counted here lie between these.
    first_seq bigint      not null,
    last_seq  bigint      not null,
    primary key (bucket, category, event, agent)
) with (fillfactor = 80);

create table audit_hour (
    like audit_quarter,
    primary key (bucket, category, event, agent)
) with (fillfactor = 80);

create table audit_day (
    like audit_quarter,
    primary key (bucket, category, event, agent)
) with (fillfactor = 80);

comment on table audit_quarter is 'Audit events by quarter of an hour; an unknown agent is empty';

create view audit_counts as
    select 'quarter' as grain, q.* from audit_quarter q
    union all
    select 'hour' as grain, h.* from audit_hour h
    union all
    select 'day' as grain, d.* from audit_day d;

insert into audit_quarter
select date_bin('15 minutes', created_at, 'epoch'), category, event, coalesce(agent, ''), count(*),
    min(seq), max(seq)
from audit_events
group by 1, 2, 3, 4;

insert into audit_hour
select date_bin('1 hour', bucket, 'epoch'), category, event, agent, sum(n),
    min(first_seq), max(last_seq)
from audit_quarter
group by 1, 2, 3, 4;

insert into audit_day
select date_bin('1 day', bucket, 'epoch'), category, event, agent, sum(n),
    min(first_seq), max(last_seq)
from audit_hour
group by 1, 2, 3, 4;

-- Lists walk down the numbers between those that the counts know of. What is not
-- about AI requests is rare among them, so it is found by an index of its own.
create index audit_events_rare on audit_events (seq) where category <> 'ai_operations';

-- Ids of reported events that no row can be found by are remembered beside
-- those of requests without detail.
alter table seen_ids add column source text not null default 'request'
    check (source in ('request', 'event'));

create index seen_ids_event on seen_ids (id) where source = 'event';

comment on column seen_ids.source is 'request: counted, without its detail; event: reported, and known by its id alone';
comment on table seen_ids is 'Ids without a row to find them by, so that none counts twice; one partition a UTC day';
