-- Web traffic. Whoever visits is known by a keyed hash whose key changes every UTC
-- day; addresses are never stored. What can still change lies in open_sessions
-- and open_page_views, and moves to its history table once, when its session
-- closes, in the transaction that adds it to the rollups.

-- Browsers that are signed in make room for the visits of web sites, which
-- everybody takes the name for.
alter table user_sessions rename to login_sessions;
alter index user_sessions_pkey rename to login_sessions_pkey;
alter index user_sessions_user rename to login_sessions_user;
alter index user_sessions_expires rename to login_sessions_expires;

create table salts (
    day        date        primary key,
    salt       bytea       not null check (octet_length(salt) = 32),
    created_at timestamptz not null
);

comment on table salts is 'The key of each UTC day''s visitor hashes; gone two days later';

create table visitor_state (
    visitor    uuid        primary key,
    identity   uuid        not null,
    touched_at timestamptz not null
) with (fillfactor = 80);

comment on table visitor_state is 'Visitors of late; their rows are locked while their sessions change';
comment on column visitor_state.identity is 'The hash that is counted: that of the day before where a session went on past midnight';

create table visitor_seen (
    day     date        not null,
    scope   uuid        not null,
    visitor uuid        not null,
    seen_at timestamptz not null,
    primary key (day, scope, visitor)
);

comment on table visitor_seen is 'Who was counted in which rollup row of a day already; gone with the day''s salt';
comment on column visitor_seen.scope is 'Hash of what the row is counted by';

-- A session is not over while events of it wait in some server's spool.
alter table spool_cursors add column stored_to timestamptz;

comment on column spool_cursors.stored_to is 'Up to when visits are stored, while more of them wait; else null';

-- One visit. The rules for detail tables are those of ai_requests.
create table user_sessions (
    id           uuid        not null,
    started_at   timestamptz not null,
    last_seen_at timestamptz not null,
    visitor      uuid,
    site         text        not null,
    class        text        not null check (class in (
        'known_bot', 'scanner', 'behavioral_bot', 'ghost', 'clean_human', 'unconfirmed')),
    bot_kind     text        not null,
    bot_name     text        not null,
    bot_operator text        not null,
    score        smallint    not null,
    signals      jsonb       not null,
    rule_version text        not null,
    landing_page text        not null,
    exit_page    text        not null,
    path         text[]      not null,
    pages        integer     not null,
    requests     integer     not null,
    events       integer     not null,
    engaged_ms   bigint      not null,
    max_scroll   smallint,
    clicks       integer     not null,
    channel      text        not null,
    source       text        not null,
    referrer     text        not null,
    campaign     text        not null,
    device       text        not null,
    browser      text        not null,
    os           text        not null,
    country      text        not null,
    region       text        not null,
    language     text        not null,
    user_agent   text        not null,
    imported     boolean     not null,
    facts        jsonb       not null,
    primary key (started_at, id)
) partition by range (started_at);

-- A list of scanners need not walk through everybody else.
create index user_sessions_class on user_sessions (class, started_at, id);

comment on table user_sessions is 'Sessions that are over; insert-only but for their class, one partition a UTC day';
comment on column user_sessions.visitor is 'Keyed hash of site, network and user agent; null for who asked not to be tracked';
comment on column user_sessions.signals is 'What spoke for its class, with points';
comment on column user_sessions.facts is 'What the class is judged by, so that changed rules can judge again';
comment on column user_sessions.events is 'Engagement events';
comment on column user_sessions.path is 'The pages in order, at most 50';

create table open_sessions (
    like user_sessions including constraints,
    identity   uuid        not null,
    touched_at timestamptz not null,
    primary key (id)
) with (fillfactor = 70);

create index open_sessions_identity on open_sessions (identity);
create index open_sessions_last_seen on open_sessions (last_seen_at);

comment on table open_sessions is 'Sessions that may go on, as they look so far';

create table page_views (
    id         uuid        not null,
    created_at timestamptz not null,
    session_id uuid        not null,
    site       text        not null,
    path       text        not null,
    title      text        not null,
    referrer   text        not null,
    source     text        not null check (source in ('tracker', 'pixel', 'server', 'log')),
    counted    boolean     not null,
    method     text,
    status     smallint,
    engaged_ms bigint      not null,
    events     integer     not null,
    max_scroll smallint,
    clicks     integer     not null,
    pattern    text        not null,
    imported   boolean     not null,
    primary key (created_at, id)
) partition by range (created_at);

create index page_views_session on page_views (session_id);

comment on table page_views is 'Page views and other requests to sites; insert-only, one partition a UTC day';
comment on column page_views.counted is 'Whether it is a page somebody looked at, and not an asset, an error or a redirect';
comment on column page_views.pattern is 'How it was read; empty where nothing is known of that';

create table open_page_views (
    like page_views including constraints,
    seen_to     integer   not null,
    seen_beyond integer[] not null,
    primary key (id)
) with (fillfactor = 70);

create index open_page_views_session on open_page_views (session_id);

comment on table open_page_views is 'Page views of open sessions that browsers still report about';
comment on column open_page_views.seen_to is 'Engagement events up to this number are counted, and those in seen_beyond';

create table engagement_events (
    id           uuid        not null,
    created_at   timestamptz not null,
    session_id   uuid        not null,
    page_view_id uuid        not null,
    site         text        not null,
    path         text        not null,
    seq          integer     not null,
    engaged_ms   integer     not null,
    max_scroll   smallint,
    clicks       integer     not null,
    outbound     text,
    primary key (created_at, id)
) partition by range (created_at);

comment on table engagement_events is 'What browsers report of a page view while it is looked at; insert-only, one partition a UTC day';
comment on column engagement_events.engaged_ms is 'Time since the event before in which the page was visible and had the focus';

create table imported_days (
    day         date        primary key,
    imported_at timestamptz not null,
    recount     boolean     not null
);

comment on column imported_days.recount is 'Whether its visitors are to be counted again when an import ends';
comment on table imported_days is 'UTC days with imported traffic, which is kept longer than other detail';

-- Counts of sessions that are over, where they began, once per cube:
--
--   total   nothing but site and class
--   bot     d1 kind, d2 operator, d3 name
--   source  d1 channel, d2 source, d3 referrer
--   geo     d1 country, d2 region
--   device  d1 device, d2 browser, d3 system
--
-- Dimensions that a cube leaves out, and unknown values, are ''.
create table web_quarter (
    cube        text        not null check (cube in ('total', 'bot', 'source', 'geo', 'device')),
    bucket      timestamptz not null,
    site        text        not null,
    class       text        not null,
    d1          text        not null,
    d2          text        not null,
    d3          text        not null,
    sessions    bigint      not null,
    visitors    bigint      not null,
    engaged     bigint      not null,
    tracked     bigint      not null,
    events      bigint      not null,
    pages       bigint      not null,
    requests    bigint      not null,
    engaged_ms  bigint      not null,
    scrolled    bigint      not null,
    scroll      bigint      not null,
    clicks      bigint      not null,
    duration_ms bigint      not null,
    primary key (cube, bucket, site, class, d1, d2, d3)
) with (fillfactor = 70);

comment on table web_quarter is 'Sessions by quarter of an hour, once per cube';
comment on column web_quarter.visitors is 'Visitors who were not counted in this cube''s dimensions on that UTC day before';
comment on column web_quarter.engaged is 'Sessions with ten engaged seconds or two pages';
comment on column web_quarter.tracked is 'Sessions with an engagement event';

create table web_hour (
    like web_quarter including constraints,
    primary key (cube, bucket, site, class, d1, d2, d3)
) with (fillfactor = 70);

create table web_day (
    like web_quarter including constraints,
    primary key (cube, bucket, site, class, d1, d2, d3)
) with (fillfactor = 70);

-- Counts of page views of sessions that are over, when they were, once per cube:
--
--   page  nothing but the page
--   next  other: the page that came after it, '' where the session ended
--   ai    other: the operator of the AI crawler that fetched it
create table page_quarter (
    cube       text        not null check (cube in ('page', 'next', 'ai')),
    bucket     timestamptz not null,
    site       text        not null,
    class      text        not null,
    path       text        not null,
    other      text        not null,
    views      bigint      not null,
    visitors   bigint      not null,
    timed      bigint      not null,
    engaged_ms bigint      not null,
    scrolled   bigint      not null,
    scroll     bigint      not null,
    clicks     bigint      not null,
    entries    bigint      not null,
    exits      bigint      not null,
    bounced    bigint      not null,
    skimmed    bigint      not null,
    read       bigint      not null,
    deep_read  bigint      not null,
    left_open  bigint      not null,
    primary key (cube, bucket, site, class, path, other)
) with (fillfactor = 70);

comment on table page_quarter is 'Page views by quarter of an hour, once per cube';
comment on column page_quarter.timed is 'Views of which engagement was reported';

create table page_hour (
    like page_quarter including constraints,
    primary key (cube, bucket, site, class, path, other)
) with (fillfactor = 70);

create table page_day (
    like page_quarter including constraints,
    primary key (cube, bucket, site, class, path, other)
) with (fillfactor = 70);

create index page_day_path on page_day (site, path, bucket) where cube = 'page';

-- Pages are many, so that days of them are added up by the week too: seven UTC days
-- from a Thursday on, as 1970 began.
create table page_week (
    like page_quarter including constraints,
    primary key (cube, bucket, site, class, path, other)
) with (fillfactor = 70);

-- Windows may be fourteen times: days [5,6) and [13,14), weeks [11,12) between them.
create or replace function in_windows(grain text, bucket timestamptz, w timestamptz[]) returns boolean
    language sql immutable parallel safe
    as $$
        select (grain = 'quarter' and (bucket >= w[1] and bucket < w[2] or bucket >= w[9] and bucket < w[10]))
            or (grain = 'hour' and (bucket >= w[3] and bucket < w[4] or bucket >= w[7] and bucket < w[8]))
            or (grain = 'day' and (bucket >= w[5] and bucket < w[6] or bucket >= w[13] and bucket < w[14]))
            or (grain = 'week' and bucket >= w[11] and bucket < w[12])
    $$;

-- What a rollup row is counted by, as one value.
create function web_scope(cube text, site text, class text, d1 text, d2 text, d3 text) returns uuid
    language sql immutable parallel safe
    as $$
        select md5(cube || chr(31) || site || chr(31) || class || chr(31) || d1 || chr(31) || d2
            || chr(31) || d3)::uuid
    $$;

-- Open sessions as the rollups will count them, with a grain of their own: they
-- belong to a period by the moment they began.
create view web as
    select 'quarter' as grain, q.* from web_quarter q
    union all
    select 'hour' as grain, h.* from web_hour h
    union all
    select 'day' as grain, d.* from web_day d
    union all
    select 'open' as grain, c.cube, s.started_at, s.site, s.class, c.d1, c.d2, c.d3, 1,
        (s.visitor is not null and not exists (
            select from visitor_seen v
            where v.day = (s.started_at at time zone 'UTC')::date
              and v.scope = web_scope(c.cube, s.site, s.class, c.d1, c.d2, c.d3)
              and v.visitor = s.visitor))::int,
        (s.engaged_ms >= 10000 or s.pages >= 2)::int, (s.events > 0)::int, s.events, s.pages,
        s.requests, s.engaged_ms, (s.max_scroll is not null)::int, coalesce(s.max_scroll, 0),
        s.clicks,
        (extract(epoch from s.last_seen_at - s.started_at) * 1000)::bigint
    from open_sessions s
    cross join lateral (values
        ('total', '', '', ''),
        ('bot', s.bot_kind, s.bot_operator, s.bot_name),
        ('source', s.channel, s.source, s.referrer),
        ('geo', s.country, s.region, ''),
        ('device', s.device, s.browser, s.os)
    ) as c (cube, d1, d2, d3);

-- Where browsers report nothing, the pages of an open session are those that were
-- served.
create view page as
    select 'quarter' as grain, q.* from page_quarter q
    union all
    select 'hour' as grain, h.* from page_hour h
    union all
    select 'day' as grain, d.* from page_day d
    union all
    select 'week' as grain, w.* from page_week w
    union all
    select 'open' as grain, 'page', v.created_at, v.site, s.class, v.path, '', 1, 0,
        (v.events > 0)::int, v.engaged_ms, (v.max_scroll is not null)::int,
        coalesce(v.max_scroll, 0), v.clicks, 0, 0, 0, 0, 0, 0, 0
    from open_page_views v
    join open_sessions s on s.id = v.session_id
    union all
    select 'open' as grain, 'page', s.started_at, s.site, s.class, p.path, '', 1, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from open_sessions s
    cross join lateral unnest(s.path) as p (path)
    where not exists (select from open_page_views v where v.session_id = s.id);

-- Content: pages that somebody wants to know about.
create table content_items (
    id         uuid        primary key,
    site       text        not null,
    path       text        not null,
    title      text        not null,
    kind       text        not null,
    origin     text        not null check (origin in ('registered', 'discovered')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (site, path)
);

comment on table content_items is 'Pages that are counted as content, registered or discovered';

create table content_changes (
    site  text not null,
    path  text not null,
    title text not null,
    primary key (site, path)
);

comment on table content_changes is 'Pages whose counts changed since the last aggregation, with the title they had last';

create table content_performance_metrics (
    content_id          uuid             primary key references content_items on delete cascade,
    total_views         bigint           not null,
    unique_visitors     bigint           not null,
    avg_time_seconds    double precision,
    avg_scroll          double precision,
    clicks              bigint           not null,
    views_last_7_days   bigint           not null,
    views_last_30_days  bigint           not null,
    trend_direction     text             not null check (trend_direction in ('up', 'down', 'stable')),
    trend_ratio         double precision,
    is_new              boolean          not null,
    aggregated_for      date             not null,
    updated_at          timestamptz      not null
);

comment on table content_performance_metrics is 'How content does among people, kept by content_analytics_aggregation';
comment on column content_performance_metrics.aggregated_for is 'The UTC day on which the figures of the last days were counted';
