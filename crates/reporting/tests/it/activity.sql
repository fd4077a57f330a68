-- Activity and audit events to ask about: 40 days of them down from 2026-11-25
-- 10:05, one every 53 minutes, with names that need care; and their counts.
create table user_activity_history partition of user_activity for values from (minvalue) to (maxvalue);

insert into user_activity (
    id, created_at, category, action, entity_type, entity_name, user_id, agent, token, session_id,
    trace_id, metadata)
select
    (lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(i), 3, '0') || '9' || lpad(to_hex(i), 15, '0'))::uuid,
    created_at,
    (array['login', 'marketplace_edit', 'skill_usage', 'prompt', 'tool_usage', 'session', 'error',
        'logout', 'auth', 'marketplace_connect', 'user_management', 'skill_usage'])[1 + i % 12],
    case when i % 17 = 3 then 'failed' else 'executed' end,
    (array['skill', 'plugin', 'tool', null])[1 + i % 4],
    (array['summarise', E'evil\u202e\r\n<b>"''; drop', null, 'translate', 'Ünïque %_'])[1 + i / 3 % 5],
    (array['ada', 'bob', null, E'=cmd|'' /C calc''!A0'])[1 + i / 2 % 4],
    (array['scout', 'writer', null])[1 + i / 5 % 3],
    'portal', 'session-' || i / 7,
    case when i % 3 = 0 then lpad(to_hex(i + 1), 32, '0')::uuid end,
    case when i % 5 = 0 then jsonb_build_object('ms', i) end
from (
    select i, timestamptz '2026-11-25T10:05:00.5Z' - i * interval '53 minutes' as created_at
    from generate_series(0, 1086) as i
) as counted;

insert into audit_events (
    seq, created_at, category, event, user_id, agent, token, trace_id, subject_id, state, detail)
select
    5000 - i, timestamptz '2026-11-25T10:06:00.25Z' - i / 2 * interval '31 minutes',
    (array['ai_operations', 'ai_operations', 'authentication', 'mcp_tools', 'ai_operations',
        'administration'])[1 + i % 6],
    (array['request_started', 'request_completed', 'login', 'tool_executed', 'request_failed',
        'config_changed'])[1 + i % 6],
    (array['ada', 'bob', null])[1 + i % 3],
    (array['scout', 'writer', null, null])[1 + i / 3 % 4],
    'portal',
    case when i % 2 = 0 then lpad(to_hex(i / 10 + 1), 32, '0')::uuid end,
    null,
    case when i % 6 = 1 then 'completed' end,
    case when i % 6 = 5 then '{"keys": ["server.listen"]}'::jsonb end
from generate_series(0, 3699) as i;

do $$
declare
    part record;
begin
    for part in
        select *
        from (values ('quarter', '15 minutes'::interval), ('hour', '1 hour'), ('day', '1 day')) as g (grain, width),
            (values ('category', false, false, false), ('agent', false, false, true),
                ('entity', true, false, false), ('user', false, true, false), ('full', true, true, true))
                as c (cube, by_entity, by_user, by_agent)
        where not (grain = 'hour' and by_user)
    loop
        execute format(
            'insert into activity_%s select %L, date_bin(%L, created_at, timestamptz ''epoch''), category, '
            || '%s, %s, %s, %s, count(*), count(*) filter (where category = ''error'' or action = ''failed'') '
            || 'from user_activity group by 2, 3, 4, 5, 6, 7',
            part.grain, part.cube, part.width,
            case when part.by_entity then 'coalesce(entity_type, '''')' else '''''::text' end,
            case when part.by_entity then 'coalesce(entity_name, '''')' else '''''::text' end,
            case when part.by_user then 'coalesce(user_id, '''')' else '''''::text' end,
            case when part.by_agent then 'coalesce(agent, '''')' else '''''::text' end);
    end loop;
    for part in
        select * from (values ('quarter', '15 minutes'), ('hour', '1 hour'), ('day', '1 day')) as g (grain, width)
    loop
        execute format(
            'insert into audit_%s select date_bin(%L, created_at, timestamptz ''epoch''), category, event, '
            || 'coalesce(agent, ''''), count(*), min(seq), max(seq) from audit_events group by 1, 2, 3, 4',
            part.grain, part.width);
    end loop;
end
$$;
