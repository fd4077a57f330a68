-- Rollups from the rows, by other statements than those that check them. A view
-- tells for each row what it adds; `bench_roll` adds up whatever of it a rollup's
-- columns name.
create function bench_roll(target text, width interval, source text, cube text, keys text[])
returns void language plpgsql as $$
declare
    columns text;
    figures text;
    groups  text := '1';
    place   int;
begin
    select
        string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg(case
            when attname = 'cube' then quote_literal(cube)
            when attname = 'bucket' then format('date_bin(%L, bucket, timestamptz ''epoch'') as bucket', width)
            when attname = any (keys) then quote_ident(attname)
            when atttypid = 'text'::regtype then quote_literal('')
            when attname like 'first%' then format('min(%I)', attname)
            when attname like 'last%' then format('max(%I)', attname)
            else format('sum(%I)::bigint', attname)
        end, ', ' order by attnum)
    into columns, figures
    from pg_attribute
    where attrelid = target::regclass and attnum > 0 and not attisdropped;
    select string_agg(n::text, ', ') into groups
    from (
        select row_number() over (order by attnum) as n, attname
        from pg_attribute
        where attrelid = target::regclass and attnum > 0 and not attisdropped
    ) as numbered
    where attname = 'bucket' or attname = any (keys);
    execute format('insert into %I (%s) select %s from %s as source group by %s order by %s',
        target, columns, figures, source, groups, groups);
end
$$;

create view bench_usage as
select
    created_at as bucket, provider, coalesce(served_model, requested_model, '') as model,
    coalesce(agent, '') as agent, coalesce(user_id, '') as user_id, 1 as requests,
    (state = 'completed')::int as completed, (state = 'failed')::int as failed,
    (state = 'client_disconnect')::int as client_disconnect,
    (state = 'upstream_timeout')::int as upstream_timeout, (state = 'paused')::int as paused,
    (state = 'shutdown')::int as shutdown, (state = 'lost')::int as lost, streamed::int as streamed,
    input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning,
    audio_output, coalesce(cost_nanos, 0) as cost_nanos,
    (usage_source = 'provider' and cost_nanos is null)::int as unpriced,
    case when usage_source = 'provider' and cost_nanos is null then input + cache_read + output else 0 end
        as unpriced_tokens,
    (usage_source = 'none' and http_status < 400)::int as without_usage,
    case when state = 'completed' then latency_us else 0 end as latency_us,
    (state = 'completed')::int as latency_n,
    case when state = 'completed' then ttfb_us else 0 end as ttfb_us,
    (state = 'completed')::int as ttfb_n
from ai_requests;

create view bench_latency as
select
    created_at as bucket, provider, coalesce(served_model, requested_model, '') as model,
    coalesce(agent, '') as agent,
    floor(16 * ln(greatest(latency_us, 1)::float8) / ln(2::float8) + 1e-9)::smallint as slot, 1 as n
from ai_requests
where state = 'completed';

create view bench_errors as
select
    created_at as bucket, provider, coalesce(served_model, requested_model, '') as model,
    coalesce(agent, '') as agent, coalesce(user_id, '') as user_id, state,
    coalesce(http_status, 0)::smallint as http_status, coalesce(error_type, '') as error_type,
    coalesce(error_code, '') as error_code, 1 as n, created_at as first_at, created_at as last_at
from ai_requests
where state <> 'completed';

create view bench_tools as
select
    created_at as bucket, server, tool, coalesce(agent, '') as agent, coalesce(user_id, '') as user_id,
    1 as executions, (status = 'success')::int as success, (status = 'failed')::int as failed,
    (status = 'timeout')::int as timeout, (status = 'cancelled')::int as cancelled,
    (status = 'needs_input')::int as needs_input,
    case when status = 'success' then latency_us else 0 end as latency_us,
    (status = 'success')::int as latency_n, request_bytes, response_bytes
from mcp_tool_executions;

create view bench_tool_latency as
select
    created_at as bucket, server, tool, coalesce(agent, '') as agent,
    floor(16 * ln(greatest(latency_us, 1)::float8) / ln(2::float8) + 1e-9)::smallint as slot, 1 as n
from mcp_tool_executions
where status = 'success';

create view bench_tool_errors as
select
    created_at as bucket, server, tool, coalesce(agent, '') as agent, coalesce(user_id, '') as user_id, status,
    coalesce(error_type, '') as error_type, coalesce(error_code, '') as error_code, 1 as n,
    created_at as first_at, created_at as last_at
from mcp_tool_executions
where status in ('failed', 'timeout', 'cancelled');

create view bench_activity as
select
    created_at as bucket, category, coalesce(entity_type, '') as entity_type,
    coalesce(entity_name, '') as entity_name, coalesce(user_id, '') as user_id,
    coalesce(agent, '') as agent, 1 as events, (category = 'error' or action = 'failed')::int as failed
from user_activity;

create view bench_audit as
select created_at as bucket, category, event, coalesce(agent, '') as agent, 1 as n, seq as first_seq,
    seq as last_seq
from audit_events;

create view bench_web as
select
    c.cube, s.started_at as bucket, s.site, s.class, c.d1, c.d2, c.d3, 1 as sessions, 1 as visitors,
    (s.engaged_ms >= 10000 or s.pages >= 2)::int as engaged, (s.events > 0)::int as tracked, s.events,
    s.pages, s.requests, s.engaged_ms, (s.max_scroll is not null)::int as scrolled,
    coalesce(s.max_scroll, 0) as scroll, s.clicks, (s.pages - 1) * 60000 as duration_ms
from user_sessions s
cross join lateral (values
    ('total', '', '', ''),
    ('bot', s.bot_kind, s.bot_operator, s.bot_name),
    ('source', s.channel, s.source, s.referrer),
    ('geo', s.country, s.region, ''),
    ('device', s.device, s.browser, s.os)
) as c (cube, d1, d2, d3);

-- Which page came next is in the session's path.
create view bench_page as
select
    c.cube, v.created_at as bucket, s.site, s.class, v.path, c.other, 1 as views, c.page as visitors,
    c.page * (v.events > 0)::int as timed, c.page * v.engaged_ms as engaged_ms,
    c.page * (v.max_scroll is not null)::int as scrolled, c.page * coalesce(v.max_scroll, 0) as scroll,
    c.page * v.clicks as clicks, c.page * (v.created_at = s.started_at)::int as entries,
    c.page * (v.path = s.exit_page)::int as exits,
    c.page * (v.pattern = 'bounced')::int as bounced, c.page * (v.pattern = 'skimmed')::int as skimmed,
    c.page * (v.pattern = 'read')::int as read, c.page * (v.pattern = 'deep_read')::int as deep_read,
    c.page * (v.pattern = 'left_open')::int as left_open
from page_views v
join user_sessions s on s.id = v.session_id
cross join lateral (values
    ('page', '', 1, true),
    ('next', coalesce(s.path[array_position(s.path, v.path) + 1], ''), 0, true),
    ('ai', s.bot_operator, 0, s.bot_kind like 'ai\_%')
) as c (cube, other, page, applies)
where c.applies;
