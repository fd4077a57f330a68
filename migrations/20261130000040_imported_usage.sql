-- Usage of which only sums are known: a row of a provider's export says what a key used of a
-- model in an hour or a day. No requests can be made of it again, so it has rows of its own.
-- Rollups count it by the hour, in equal parts; there is nothing of it in `ai_requests`.
create table imported_usage (
    id             uuid        primary key,
    imported_at    timestamptz not null,
    source         text        not null,
    began_at       timestamptz not null,
    ended_at       timestamptz not null,
    provider       text        not null,
    model          text        not null,
    agent          text,
    user_id        text,
    service_tier   text,
    prompt_tokens  bigint      not null,
    requests       bigint,
    input          bigint      not null,
    cache_read     bigint      not null,
    cache_write_5m bigint      not null,
    cache_write_1h bigint      not null,
    audio_input    bigint      not null,
    tool_input     bigint      not null,
    output         bigint      not null,
    reasoning      bigint      not null,
    audio_output   bigint      not null,
    usage_extra    jsonb,
    cost_nanos     bigint,
    price_version  text,
    check (began_at < ended_at and ended_at - began_at <= interval '24 hours')
);

create index imported_usage_time on imported_usage (began_at);

comment on table imported_usage is 'Usage in sums, from exports of providers: what is known of requests that nobody recorded';
comment on column imported_usage.id is 'Made of what the row says, so that the same row is stored once';
comment on column imported_usage.prompt_tokens is 'Input of one of its requests, as far as it is known: long-context prices are chosen on it';
comment on column imported_usage.requests is 'Null where the export does not say';
comment on column imported_usage.cost_nanos is 'In 10^-9 USD; null where no price was known';

-- The nth of some equal parts of a total: whole numbers that add up to it.
create function part_of(total bigint, n bigint, parts bigint) returns bigint
    language sql immutable parallel safe
    as $$ select (div(total::numeric * (n + 1), parts) - div(total::numeric * n, parts))::bigint $$;

create view imported_hours as
    select
        u.id,
        u.began_at,
        u.began_at + n * interval '1 hour' as at,
        u.provider,
        u.model,
        u.agent,
        u.user_id,
        part_of(coalesce(u.requests, 0), n, hours) as requests,
        part_of(u.input, n, hours) as input,
        part_of(u.cache_read, n, hours) as cache_read,
        part_of(u.cache_write_5m, n, hours) as cache_write_5m,
        part_of(u.cache_write_1h, n, hours) as cache_write_1h,
        part_of(u.audio_input, n, hours) as audio_input,
        part_of(u.tool_input, n, hours) as tool_input,
        part_of(u.output, n, hours) as output,
        part_of(u.reasoning, n, hours) as reasoning,
        part_of(u.audio_output, n, hours) as audio_output,
        part_of(u.cost_nanos, n, hours) as cost_nanos
    from imported_usage u
    cross join lateral (
        select greatest(1, floor(extract(epoch from u.ended_at - u.began_at) / 3600)::bigint) as hours
    ) h
    cross join lateral generate_series(0, hours - 1) as n;

comment on view imported_hours is 'Imported usage by the hour, as rollups count it';
comment on column imported_hours.began_at is 'That of the whole, at most a day before the hour: has an index';
