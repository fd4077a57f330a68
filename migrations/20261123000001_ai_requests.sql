-- AI requests: detail, what is still under way, and the way from the spool.
--
-- Rules for the detail tables, so that they can be distributed one day: ids and
-- times are made by the writer, every unique index contains the id, there are
-- no foreign keys and no triggers, and partitions hold one UTC day each.

create table ai_requests (
    id                   uuid        not null,
    created_at           timestamptz not null,
    trace_id             uuid        not null,
    span_id              bigint      not null,
    parent_span_id       bigint,
    user_id              text,
    agent                text,
    token                text,
    session_id           text,
    conversation_id      text,
    conversation_derived boolean     not null,
    provider             text        not null,
    api                  text        not null,
    requested_model      text,
    served_model         text,
    provider_request_id  text,
    response_id          text,
    streamed             boolean     not null,
    service_tier         text,
    state                text        not null check (state in (
        'completed', 'failed', 'client_disconnect', 'upstream_timeout', 'paused', 'shutdown', 'lost')),
    http_status          smallint,
    error_type           text,
    error_code           text,
    finish_reason        text,
    tool_calls           text,
    usage_source         text        not null check (usage_source in ('provider', 'estimated', 'none')),
    usage_injected       boolean     not null,
    input                bigint      not null,
    cache_read           bigint      not null,
    cache_write_5m       bigint      not null,
    cache_write_1h       bigint      not null,
    audio_input          bigint      not null,
    tool_input           bigint      not null,
    output               bigint      not null,
    reasoning            bigint      not null,
    audio_output         bigint      not null,
    usage_extra          jsonb,
    raw_usage            jsonb,
    cost_nanos           bigint,
    currency             text        not null default 'USD',
    price_version        text,
    latency_us           bigint,
    ttfb_us              bigint,
    request_bytes        bigint      not null,
    response_bytes       bigint      not null,
    finished_at          timestamptz not null,
    primary key (created_at, id)
) partition by range (created_at);

create index ai_requests_trace on ai_requests (trace_id);
create index ai_requests_failed on ai_requests (created_at, id) where state <> 'completed';

comment on table ai_requests is 'Every AI request that reached its final state; insert-only, one partition a UTC day';
comment on column ai_requests.id is 'UUIDv7; created_at is the time in it';
comment on column ai_requests.span_id is 'W3C span id of the gateway''s span, as a signed 64-bit integer';
comment on column ai_requests.token is 'Name of the token that was used, never the token';
comment on column ai_requests.conversation_derived is 'The client named no conversation: the id is a keyed hash of the opening messages';
comment on column ai_requests.served_model is 'The model the provider says it used; null when it did not say';
comment on column ai_requests.state is 'How the request ended';
comment on column ai_requests.tool_calls is 'Names of the tools the model asked for, separated by commas';
comment on column ai_requests.usage_source is 'provider: stated by the provider; none: nobody stated it, so the token columns mean nothing';
comment on column ai_requests.usage_injected is 'include_usage was added for the client and taken out again';
comment on column ai_requests.input is 'Input tokens neither cached nor audio; the token classes are disjoint';
comment on column ai_requests.usage_extra is 'What does not fit the token columns: other models'' tokens, billed calls, speed, region; the columns hold the main model and other models together';
comment on column ai_requests.raw_usage is 'The provider''s usage object as it came';
comment on column ai_requests.cost_nanos is 'Cost in 10^-9 USD; null when no price is known';
comment on column ai_requests.price_version is 'The version in price_versions that made the cost';
comment on column ai_requests.latency_us is 'Arrival to the end of the answer, in microseconds';
comment on column ai_requests.ttfb_us is 'Arrival to the first byte of the answer''s body, in microseconds';

-- What can still change lives here and moves to ai_requests once.
create table open_requests (
    id         uuid        primary key,
    created_at timestamptz not null,
    spool_id   uuid        not null,
    boot_id    uuid        not null,
    trace_id   uuid        not null,
    context    jsonb       not null
);

comment on table open_requests is 'Requests under way; only the holder of the spool may call them lost';
comment on column open_requests.boot_id is 'The server run that owns the request';
comment on column open_requests.context is 'What is known before the provider answers';

create table traces (
    trace_id uuid        primary key,
    first_at timestamptz not null,
    last_at  timestamptz not null
) with (fillfactor = 80);

comment on table traces is 'When a trace id that came from outside was seen (ours carry their time)';

create table conversations (
    conversation_id text        primary key,
    derived         boolean     not null,
    agent           text,
    user_id         text,
    first_at        timestamptz not null,
    last_at         timestamptz not null,
    requests        bigint      not null,
    input_tokens    bigint      not null,
    output_tokens   bigint      not null,
    cost_nanos      bigint      not null
) with (fillfactor = 80);

create index conversations_first on conversations (first_at);

comment on table conversations is 'One row a conversation, kept by the writer';

create table spool_cursors (
    spool_id   uuid        not null,
    lane       text        not null,
    segment    bigint      not null,
    position   bigint      not null,
    updated_at timestamptz not null,
    primary key (spool_id, lane)
);

comment on table spool_cursors is 'How far each spool has been stored; moves in the transaction that stores the events';

create table dead_letters (
    id         bigint      generated always as identity primary key,
    created_at timestamptz not null,
    spool_id   uuid        not null,
    lane       text        not null,
    segment    bigint      not null,
    position   bigint      not null,
    reason     text        not null,
    payload    bytea       not null
);

comment on table dead_letters is 'Records that could not be stored, with the reason; nothing is thrown away';

create table price_versions (
    id         text        primary key,
    provider   text        not null,
    model      text        not null,
    valid_from date        not null,
    custom     boolean     not null,
    version    jsonb       not null,
    first_seen timestamptz not null
);

comment on table price_versions is 'Every price version that could have made a cost; the id is the hash of its rates';
