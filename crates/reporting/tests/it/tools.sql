-- Tool calls to ask about: twelve on traces of the newest requests, begun with these
-- and over before them; and their counts.
create table mcp_tool_executions_history partition of mcp_tool_executions
    for values from (minvalue) to (maxvalue);

insert into mcp_tool_executions (
    id, created_at, trace_id, server, tool, via, user_id, agent, token, status, error_type,
    argument_hash, latency_us, request_bytes, response_bytes)
select
    (lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(i), 3, '0') || 'a' || lpad(to_hex(i), 15, '0'))::uuid,
    created_at,
    trace_id,
    'docs', (array['search', 'read', E'evil\u202e\r\n'])[1 + i % 3], 'proxy',
    (array['ada', null])[1 + i % 2], agent, 'portal',
    (array['success', 'success', 'failed', 'success', 'timeout'])[1 + i % 5],
    case when i % 5 = 2 then 'tool_error' when i % 5 = 4 then 'upstream_timeout' end,
    repeat('ab', 32), 1000 * (1 + i), 100 + i, 1000 + i
from (
    select (row_number() over (order by created_at desc))::int - 1 as i, created_at, trace_id, agent
    from ai_requests
    where state = 'completed' and latency_us > 50000 and agent is not null
    order by created_at desc
    limit 12
) as counted;

insert into mcp_tool_definitions (server, tool, hash, previous_hash, first_seen, last_seen) values
    ('docs', 'search', 'old', null, '2026-11-20T08:00:00Z', '2026-11-24T08:00:00Z'),
    ('docs', 'search', 'new', 'old', '2026-11-25T08:00:00Z', '2026-11-25T10:00:00Z');

do $$
declare
    part record;
    dimensions text;
begin
    for part in
        select *
        from (values ('quarter', '15 minutes'::interval), ('hour', '1 hour'), ('day', '1 day')) as g (grain, width),
            (values ('total', false, false, false), ('tool', true, false, false),
                ('agent_tool', true, true, false), ('full', true, true, true))
                as c (cube, by_tool, by_agent, by_user)
    loop
        dimensions := format('%s, %s, %s',
            case when part.by_tool then 'server' else '''''::text' end,
            case when part.by_tool then 'tool' else '''''::text' end,
            case when part.by_agent then 'coalesce(agent, '''')' else '''''::text' end);
        if not (part.grain = 'hour' and part.by_user) then
            execute format(
                'insert into tool_%s select %L, date_bin(%L, created_at, timestamptz ''epoch''), %s, %s, count(*), '
                || 'count(*) filter (where status = ''success''), count(*) filter (where status = ''failed''), '
                || 'count(*) filter (where status = ''timeout''), 0, 0, '
                || 'coalesce(sum(latency_us) filter (where status = ''success''), 0), '
                || 'count(*) filter (where status = ''success''), sum(request_bytes), sum(response_bytes) '
                || 'from mcp_tool_executions group by 2, 3, 4, 5, 6',
                part.grain, part.cube, part.width, dimensions,
                case when part.by_user then 'coalesce(user_id, '''')' else '''''::text' end);
        end if;
        if not part.by_user then
            execute format(
                'insert into tool_latency_%s select %L, date_bin(%L, created_at, timestamptz ''epoch''), %s, '
                || 'floor(16 * log(2, latency_us))::smallint, count(*) '
                || 'from mcp_tool_executions where status = ''success'' group by 2, 3, 4, 5, 6',
                part.grain, part.cube, part.width, dimensions);
        end if;
        if part.cube = 'full' and part.grain <> 'day' then
            execute format(
                'insert into tool_errors_%s select date_bin(%L, created_at, timestamptz ''epoch''), %s, '
                || 'coalesce(user_id, ''''), status, coalesce(error_type, ''''), '''', count(*), '
                || 'min(created_at), max(created_at) from mcp_tool_executions where status <> ''success'' '
                || 'group by 1, 2, 3, 4, 5, 6, 7',
                part.grain, part.width, dimensions);
        end if;
    end loop;
end
$$;
