-- Rollups: what every answer over time reads. The writer adds to them in the
-- transaction that stores the rows they count, so they are exact and immediate.
--
-- Three grains: quarters of an hour with every dimension (kept for a while),
-- hours, and days. An hour or a day is kept once per cube, so that a total
-- never has to add up what it does not show:
--
--   total        nothing but the time
--   model        provider, model
--   agent        agent
--   agent_model  provider, model, agent
--   user         user                            (days only)
--   full         provider, model, agent, user    (quarters and days)
--
-- Dimensions that a cube leaves out, and unknown values, are ''.

create table usage_quarter (
    bucket            timestamptz not null,
    provider          text        not null,
    model             text        not null,
    agent             text        not null,
    user_id           text        not null,
    requests          bigint      not null,
    completed         bigint      not null,
    failed            bigint      not null,
    client_disconnect bigint      not null,
    upstream_timeout  bigint      not null,
    paused            bigint      not null,
    shutdown          bigint      not null,
    lost              bigint      not null,
    streamed          bigint      not null,
    input             bigint      not null,
    cache_read        bigint      not null,
    cache_write_5m    bigint      not null,
    cache_write_1h    bigint      not null,
    audio_input       bigint      not null,
    tool_input        bigint      not null,
    output            bigint      not null,
    reasoning         bigint      not null,
    audio_output      bigint      not null,
    cost_nanos        bigint      not null,
    unpriced          bigint      not null,
    unpriced_tokens   bigint      not null,
    without_usage     bigint      not null,
    latency_us        bigint      not null,
    latency_n         bigint      not null,
    ttfb_us           bigint      not null,
    ttfb_n            bigint      not null,
    primary key (bucket, provider, model, agent, user_id)
) with (fillfactor = 70);

comment on table usage_quarter is 'Requests by quarter of an hour and every dimension';
comment on column usage_quarter.unpriced is 'Requests with usage for which no price is known';
comment on column usage_quarter.without_usage is 'Requests that may have been billed but whose usage nobody stated';

create table usage_hour (
    cube text not null check (cube in ('total', 'model', 'agent', 'agent_model')),
    like usage_quarter,
    primary key (cube, bucket, provider, model, agent)
) with (fillfactor = 70);

create index usage_hour_agent on usage_hour (agent, bucket) where cube = 'agent_model';

comment on table usage_hour is 'Requests by hour, once per cube; user_id is always empty';

create table usage_day (
    cube text not null check (cube in ('total', 'model', 'agent', 'agent_model', 'user', 'full')),
    like usage_quarter,
    primary key (cube, bucket, provider, model, agent, user_id)
) with (fillfactor = 70);

create index usage_day_agent on usage_day (agent, bucket) where cube in ('agent_model', 'full');
create index usage_day_user on usage_day (user_id, bucket) where cube = 'full';

comment on table usage_day is 'Requests by UTC day, once per cube';

-- Latency histograms: log-spaced slots, 16 to the octave; rows add up.
create table latency_quarter (
    bucket   timestamptz not null,
    provider text        not null,
    model    text        not null,
    agent    text        not null,
    slot     smallint    not null,
    n        bigint      not null,
    primary key (bucket, provider, model, agent, slot)
) with (fillfactor = 80);

create table latency_hour (
    cube text not null check (cube in ('total', 'agent_model')),
    like latency_quarter,
    primary key (cube, bucket, provider, model, agent, slot)
) with (fillfactor = 80);

create index latency_hour_agent on latency_hour (agent, bucket) where cube = 'agent_model';

create table latency_day (
    cube text not null check (cube in ('total', 'model', 'agent', 'agent_model')),
    like latency_quarter,
    primary key (cube, bucket, provider, model, agent, slot)
) with (fillfactor = 80);

create index latency_day_agent on latency_day (agent, bucket) where cube = 'agent_model';

comment on table latency_quarter is 'Completed requests by latency slot and quarter of an hour; users are left out';
comment on column latency_quarter.slot is 'floor(16 * log2(latency in microseconds))';

-- Errors are few, so every dimension is kept at both grains.
create table errors_quarter (
    bucket      timestamptz not null,
    provider    text        not null,
    model       text        not null,
    agent       text        not null,
    user_id     text        not null,
    state       text        not null,
    http_status smallint    not null,
    error_type  text        not null,
    error_code  text        not null,
    n           bigint      not null,
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    primary key (bucket, provider, model, agent, user_id, state, http_status, error_type, error_code)
) with (fillfactor = 80);

create table errors_hour (
    like errors_quarter,
    primary key (bucket, provider, model, agent, user_id, state, http_status, error_type, error_code)
) with (fillfactor = 80);

comment on table errors_quarter is 'Requests that did not complete, by what went wrong; http_status 0 when there was no answer';

-- One relation over the three grains. A question names the windows it reads at
-- each grain; the planner drops the grains it does not name.
create view usage as
    select 'quarter' as grain, '' as cube, q.* from usage_quarter q
    union all
    select 'hour' as grain, h.* from usage_hour h
    union all
    select 'day' as grain, d.* from usage_day d;

create view latency as
    select 'quarter' as grain, '' as cube, q.* from latency_quarter q
    union all
    select 'hour' as grain, h.* from latency_hour h
    union all
    select 'day' as grain, d.* from latency_day d;

create view errors as
    select 'quarter' as grain, q.* from errors_quarter q
    union all
    select 'hour' as grain, h.* from errors_hour h;

-- Windows are ten times: quarters [1,2) and [9,10), hours [3,4) and [7,8), days
-- [5,6). A period at the finest grain is quarters, hours, days, hours, quarters.
create function in_windows(grain text, bucket timestamptz, w timestamptz[]) returns boolean
    language sql immutable parallel safe
    as $$
        select (grain = 'quarter' and (bucket >= w[1] and bucket < w[2] or bucket >= w[9] and bucket < w[10]))
            or (grain = 'hour' and (bucket >= w[3] and bucket < w[4] or bucket >= w[7] and bucket < w[8]))
            or (grain = 'day' and bucket >= w[5] and bucket < w[6])
    $$;

comment on function in_windows is 'Whether a rollup row belongs to the period that the windows cover';
