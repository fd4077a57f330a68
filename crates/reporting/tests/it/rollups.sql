-- The rollups of whatever is in ai_requests, computed from it in one go.
create view counted as
select
    created_at, provider, coalesce(served_model, requested_model, '') as model,
    coalesce(agent, '') as agent, coalesce(user_id, '') as user_id, state,
    coalesce(http_status, 0) as http_status, coalesce(error_type, '') as error_type,
    coalesce(error_code, '') as error_code,
    floor(16 * ln(latency_us) / ln(2))::smallint as slot,
    1 as requests,
    (state = 'completed')::int as completed, (state = 'failed')::int as failed,
    (state = 'client_disconnect')::int as client_disconnect,
    (state = 'upstream_timeout')::int as upstream_timeout, (state = 'paused')::int as paused,
    (state = 'shutdown')::int as shutdown, (state = 'lost')::int as lost, streamed::int as streamed,
    input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning,
    audio_output, coalesce(cost_nanos, 0) as cost_nanos,
    (usage_source <> 'none' and cost_nanos is null)::int as unpriced,
    case when usage_source <> 'none' and cost_nanos is null then
        input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input
        + output + reasoning + audio_output
    else 0 end as unpriced_tokens,
    (usage_source = 'none' and state <> 'paused' and coalesce(http_status, 0) < 400)::int as without_usage,
    case when state = 'completed' then latency_us else 0 end as latency_us,
    (state = 'completed' and latency_us is not null)::int as latency_n,
    case when state = 'completed' then ttfb_us else 0 end as ttfb_us,
    (state = 'completed' and ttfb_us is not null)::int as ttfb_n
from ai_requests;

-- What each cube keeps of provider and model, agent, user.
create table cubes as
select * from (values
    ('total', false, false, false), ('model', true, false, false), ('agent', false, true, false),
    ('agent_model', true, true, false), ('user', false, false, true), ('full', true, true, true)
) as cubes (cube, of_model, of_agent, of_user);

do $$
declare
    sums text;
    sliced text := 'case when of_model then provider else '''' end, '
        || 'case when of_model then model else '''' end, case when of_agent then agent else '''' end';
begin
    select string_agg(format('sum(%I)', attname), ', ' order by attnum) into sums
    from pg_attribute where attrelid = 'usage_quarter'::regclass and attnum > 5;

    execute 'insert into usage_quarter select date_bin(''15 minutes'', created_at, ''2000-01-01''), '
        || 'provider, model, agent, user_id, ' || sums || ' from counted group by 1, 2, 3, 4, 5';
    execute 'insert into usage_hour select cube, date_trunc(''hour'', created_at), ' || sliced
        || ', '''', ' || sums || ' from counted, cubes where not of_user group by 1, 2, 3, 4, 5';
    execute 'insert into usage_day select cube, date_bin(''1 day'', created_at, ''2000-01-01Z''), ' || sliced
        || ', case when of_user then user_id else '''' end, ' || sums
        || ' from counted, cubes group by 1, 2, 3, 4, 5, 6';

    execute 'insert into latency_quarter select date_bin(''15 minutes'', created_at, ''2000-01-01''), '
        || 'provider, model, agent, slot, count(*) from counted where latency_n = 1 group by 1, 2, 3, 4, 5';
    execute 'insert into latency_hour select cube, date_trunc(''hour'', created_at), ' || sliced
        || ', slot, count(*) from counted, cubes where latency_n = 1 and not of_user '
        || 'group by 1, 2, 3, 4, 5, 6';
    execute 'insert into latency_day select cube, date_bin(''1 day'', created_at, ''2000-01-01Z''), ' || sliced
        || ', slot, count(*) from counted, cubes where latency_n = 1 and not of_user group by 1, 2, 3, 4, 5, 6';
end
$$;

insert into errors_quarter
select date_bin('15 minutes', created_at, '2000-01-01'), provider, model, agent, user_id, state,
    http_status, error_type, error_code, count(*), min(created_at), max(created_at)
from counted where completed = 0
group by 1, 2, 3, 4, 5, 6, 7, 8, 9;

insert into errors_hour
select date_trunc('hour', created_at), provider, model, agent, user_id, state,
    http_status, error_type, error_code, count(*), min(created_at), max(created_at)
from counted where completed = 0
group by 1, 2, 3, 4, 5, 6, 7, 8, 9;

insert into errors_day
select date_bin('1 day', created_at, '2000-01-01Z'), provider, model, '', '', state,
    http_status, error_type, error_code, count(*), min(created_at), max(created_at)
from counted where completed = 0
group by 1, 2, 3, 6, 7, 8, 9;

-- Quarters are kept for eight days.
delete from usage_quarter where bucket < timestamptz '2026-11-17T10:07:30Z';
delete from latency_quarter where bucket < timestamptz '2026-11-17T10:07:30Z';
delete from errors_quarter where bucket < timestamptz '2026-11-17T10:07:30Z';
