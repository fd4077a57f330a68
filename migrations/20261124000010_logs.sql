-- What servers say, kept where it can be searched. Not part of what is promised:
-- a flood is cut off with a count, and a database that is away misses lines.
create table logs (
    id         uuid        not null,
    created_at timestamptz not null,
    level      text        not null check (level in ('error', 'warn', 'info')),
    target     text        not null,
    message    text        not null,
    trace_id   uuid,
    request_id uuid,
    fields     jsonb,
    primary key (created_at, id)
) partition by range (created_at);

create index logs_trace on logs (trace_id) where trace_id is not null;

comment on table logs is 'Log lines of servers; insert-only, one partition a UTC day';
comment on column logs.id is 'UUIDv7; created_at is read off the same clock a moment before';
comment on column logs.target is 'The module that said it';
comment on column logs.message is 'Control characters escaped, secrets and query strings taken out, at most 2 KiB';
comment on column logs.fields is 'What the line says besides its message, by name';

-- From a session to its traces. Only requests that name one have an entry.
create index ai_requests_session on ai_requests (session_id text_pattern_ops)
    where session_id is not null;
