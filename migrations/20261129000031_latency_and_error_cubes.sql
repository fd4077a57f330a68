-- Hours of latency once per cube, as days are: a question about models or agents
-- need not add up every pair of the two.
alter table latency_hour
    drop constraint latency_hour_cube_check,
    add constraint latency_hour_cube_check check (cube in ('total', 'model', 'agent', 'agent_model'));

insert into latency_hour (cube, bucket, provider, model, agent, slot, n)
select 'model', bucket, provider, model, '', slot, sum(n)
from latency_hour
where cube = 'agent_model'
group by bucket, provider, model, slot;

insert into latency_hour (cube, bucket, provider, model, agent, slot, n)
select 'agent', bucket, '', '', agent, slot, sum(n)
from latency_hour
where cube = 'agent_model'
group by bucket, agent, slot;

-- Lists ask for the histograms of the agents that they show.
drop index latency_hour_agent;
drop index latency_day_agent;
create index latency_hour_agent on latency_hour (agent, bucket) where cube in ('agent', 'agent_model');
create index latency_day_agent on latency_day (agent, bucket) where cube in ('agent', 'agent_model');

-- Errors by the day, without agents and users: over long periods nearly every error
-- has an hour, an agent and a user of its own.
create table errors_day (
    like errors_hour,
    primary key (bucket, provider, model, agent, user_id, state, http_status, error_type, error_code)
) with (fillfactor = 80);

comment on table errors_day is 'Requests that did not complete, by UTC day; agent and user_id are always empty';

insert into errors_day
select
    date_bin('1 day', bucket, 'epoch'), provider, model, '', '', state, http_status, error_type,
    error_code, sum(n), min(first_at), max(last_at)
from errors_hour
group by 1, 2, 3, 6, 7, 8, 9;

create or replace view errors as
    select 'quarter' as grain, q.* from errors_quarter q
    union all
    select 'hour' as grain, h.* from errors_hour h
    union all
    select 'day' as grain, d.* from errors_day d;
