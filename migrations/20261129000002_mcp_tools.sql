-- Tool calls over MCP: detail, counts, and what servers say their tools are. The
-- rules for detail tables are those of ai_requests.
create table mcp_tool_executions (
    id               uuid        not null,
    created_at       timestamptz not null,
    trace_id         uuid        not null,
    parent_span_id   bigint,
    request_id       uuid,
    server           text        not null,
    tool             text        not null,
    via              text        not null check (via in ('proxy', 'stdio', 'layer')),
    user_id          text,
    agent            text,
    token            text,
    session_id       text,
    conversation_id  text,
    call_id          text,
    rpc_id           text,
    client_name      text,
    client_version   text,
    protocol_version text,
    status           text        not null check (status in (
        'success', 'failed', 'timeout', 'cancelled', 'needs_input')),
    error_type       text,
    error_code       text,
    argument_hash    text,
    latency_us       bigint      not null,
    ttfb_us          bigint,
    request_bytes    bigint      not null,
    response_bytes   bigint      not null,
    primary key (created_at, id)
) partition by range (created_at);

create index mcp_tool_executions_trace on mcp_tool_executions (trace_id);
create index mcp_tool_executions_conversation on mcp_tool_executions (conversation_id)
    where conversation_id is not null;

comment on table mcp_tool_executions is 'Every tools/call that ended; insert-only, one partition a UTC day';
comment on column mcp_tool_executions.id is 'UUIDv7; created_at is the time in it, or that of the receipt';
comment on column mcp_tool_executions.request_id is 'The AI request that asked for the call, where the server that proxied both knew';
comment on column mcp_tool_executions.server is 'The MCP server, by its name in the configuration or the one it was wrapped with';
comment on column mcp_tool_executions.via is 'proxy: through /mcp/{server}; stdio: wrapped by the command line; layer: reported by the server itself';
comment on column mcp_tool_executions.token is 'Name of the token that was used or that reported it, never the token';
comment on column mcp_tool_executions.call_id is 'The model''s id of the call, where the client passes it on';
comment on column mcp_tool_executions.rpc_id is 'The id of the JSON-RPC request';
comment on column mcp_tool_executions.status is 'needs_input: answered with a question; the client asks again with what is missing';
comment on column mcp_tool_executions.error_type is 'tool_error: a result with isError; rpc_error: an error of JSON-RPC; or our own name for what went wrong';
comment on column mcp_tool_executions.argument_hash is 'SHA-256 of the arguments as canonical JSON; they themselves are not stored';
comment on column mcp_tool_executions.latency_us is 'From the request to its end, in microseconds';

-- What each tool was said to be. A row a definition, not a row a list.
create table mcp_tool_definitions (
    server        text        not null,
    tool          text        not null,
    hash          text        not null,
    previous_hash text,
    first_seen    timestamptz not null,
    last_seen     timestamptz not null,
    primary key (server, tool, hash)
) with (fillfactor = 80);

comment on table mcp_tool_definitions is 'Every definition of a tool that a server''s tools/list has given';
comment on column mcp_tool_definitions.hash is 'SHA-256 of title, description, schemas and annotations as canonical JSON';
comment on column mcp_tool_definitions.previous_hash is 'The definition in force when this one came first; null for a tool''s first';

-- Counts, once per cube, so that no total adds up what it does not show:
--
--   total       nothing but the time
--   tool        server, tool
--   agent_tool  server, tool, agent
--   full        server, tool, agent, user    (quarters and days)
--
-- Dimensions that a cube leaves out, and unknown values, are ''.
create table tool_quarter (
    cube           text        not null check (cube in ('total', 'tool', 'agent_tool', 'full')),
    bucket         timestamptz not null,
    server         text        not null,
    tool           text        not null,
    agent          text        not null,
    user_id        text        not null,
    executions     bigint      not null,
    success        bigint      not null,
    failed         bigint      not null,
    timeout        bigint      not null,
    cancelled      bigint      not null,
    needs_input    bigint      not null,
    latency_us     bigint      not null,
    latency_n      bigint      not null,
    request_bytes  bigint      not null,
    response_bytes bigint      not null,
    primary key (cube, bucket, server, tool, agent, user_id)
) with (fillfactor = 70);

comment on table tool_quarter is 'Tool calls by quarter of an hour, once per cube';
comment on column tool_quarter.latency_us is 'The latencies of successful calls, of which there are latency_n, together';

create table tool_hour (
    like tool_quarter,
    check (cube in ('total', 'tool', 'agent_tool')),
    primary key (cube, bucket, server, tool, agent, user_id)
) with (fillfactor = 70);

create index tool_hour_agent on tool_hour (agent, bucket) where cube = 'agent_tool';

comment on table tool_hour is 'Tool calls by hour, once per cube; user_id is always empty';

create table tool_day (
    like tool_quarter including constraints,
    primary key (cube, bucket, server, tool, agent, user_id)
) with (fillfactor = 70);

create index tool_day_agent on tool_day (agent, bucket) where cube in ('agent_tool', 'full');

comment on table tool_day is 'Tool calls by UTC day, once per cube';

create view tools as
    select 'quarter' as grain, q.* from tool_quarter q
    union all
    select 'hour' as grain, h.* from tool_hour h
    union all
    select 'day' as grain, d.* from tool_day d;

-- Latencies of successful calls, in the slots of latency_quarter.
create table tool_latency_quarter (
    cube   text        not null check (cube in ('total', 'tool', 'agent_tool')),
    bucket timestamptz not null,
    server text        not null,
    tool   text        not null,
    agent  text        not null,
    slot   smallint    not null,
    n      bigint      not null,
    primary key (cube, bucket, server, tool, agent, slot)
) with (fillfactor = 80);

create table tool_latency_hour (
    like tool_latency_quarter including constraints,
    primary key (cube, bucket, server, tool, agent, slot)
) with (fillfactor = 80);

create table tool_latency_day (
    like tool_latency_quarter including constraints,
    primary key (cube, bucket, server, tool, agent, slot)
) with (fillfactor = 80);

comment on table tool_latency_quarter is 'Successful tool calls by latency slot and quarter of an hour; users are left out';

create view tool_latency as
    select 'quarter' as grain, q.* from tool_latency_quarter q
    union all
    select 'hour' as grain, h.* from tool_latency_hour h
    union all
    select 'day' as grain, d.* from tool_latency_day d;

-- What went wrong. Errors are few, so every dimension is kept at both grains.
create table tool_errors_quarter (
    bucket     timestamptz not null,
    server     text        not null,
    tool       text        not null,
    agent      text        not null,
    user_id    text        not null,
    status     text        not null,
    error_type text        not null,
    error_code text        not null,
    n          bigint      not null,
    first_at   timestamptz not null,
    last_at    timestamptz not null,
    primary key (bucket, server, tool, agent, user_id, status, error_type, error_code)
) with (fillfactor = 80);

create table tool_errors_hour (
    like tool_errors_quarter,
    primary key (bucket, server, tool, agent, user_id, status, error_type, error_code)
) with (fillfactor = 80);

comment on table tool_errors_quarter is 'Tool calls that failed, timed out or were cancelled, by what went wrong';

create view tool_errors as
    select 'quarter' as grain, q.* from tool_errors_quarter q
    union all
    select 'hour' as grain, h.* from tool_errors_hour h;

-- Calls whose detail sampling leaves out are remembered by their id, as requests
-- are.
alter table seen_ids
    drop constraint seen_ids_source_check,
    add constraint seen_ids_source_check check (source in ('request', 'event', 'tool'));

comment on column seen_ids.source is 'request, tool: counted, without its detail; event: reported, and known by its id alone';
