-- Partitions of the ninety days before :now, as the writer names them, and one for
-- the audit trail from before its log.
do $$
declare
    part text;
    day  date;
begin
    foreach part in array array[
        'ai_requests', 'seen_ids', 'logs', 'user_activity', 'mcp_tool_executions', 'user_sessions',
        'page_views', 'engagement_events'
    ]
    loop
        for day in select generate_series(:now::timestamptz - interval '91 days', :now::timestamptz, '1 day')
        loop
            execute format(
                'create table if not exists %I partition of %I for values from (%L) to (%L)',
                part || '_' || to_char(day, 'YYYYMMDD'), part, day || ' 00:00+00', day + 1 || ' 00:00+00');
        end loop;
    end loop;
    create table audit_events_old partition of audit_events for values from (minvalue) to (0);
end
$$;

-- A UUIDv7 of a moment in milliseconds.
create function bench_v7(ms bigint) returns uuid language sql volatile
    as $$ select (lpad(to_hex(ms), 12, '0') || '7' || substr(gen_random_uuid()::text, 16))::uuid $$;

-- A log-normal number with the median exp(mu).
create function bench_log_normal(mu float8, sigma float8) returns bigint language sql volatile
    as $$ select exp(mu + sigma * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::bigint $$;

insert into price_versions (id, provider, model, valid_from, custom, version, first_seen)
values ('5f3a9c01d2e4b687', 'anthropic', 'model-00', '2026-01-01', true, '{}', :now);
