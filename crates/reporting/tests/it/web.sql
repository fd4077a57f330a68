-- Web traffic to ask about: 40 days of sessions down from 2026-11-25 09:50, one
-- every 47 minutes, with names that need care; their pages, their counts, content,
-- and a session that is under way.
create table user_sessions_history partition of user_sessions for values from (minvalue) to (maxvalue);
create table page_views_history partition of page_views for values from (minvalue) to (maxvalue);

insert into user_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms, max_scroll, clicks,
    channel, source, referrer, campaign, device, browser, os, country, region, language, user_agent,
    imported, facts)
select
    (lpad(to_hex((extract(epoch from started_at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(i), 3, '0') || '9' || lpad(to_hex(i), 15, '0'))::uuid,
    started_at, started_at + (i % 3) * interval '4 minutes',
    case when i % 11 <> 5 then lpad(to_hex(i / 2), 32, '0')::uuid end,
    (array['example.com', 'example.org'])[1 + i % 7 / 6],
    class,
    case when class = 'known_bot' then (array['search', 'ai_training'])[1 + i / 6 % 2] else '' end,
    case when class = 'known_bot' then (array['Googlebot', 'GPTBot'])[1 + i / 6 % 2] else '' end,
    case when class = 'known_bot' then (array['Google', 'OpenAI'])[1 + i / 6 % 2] else '' end,
    case when class = 'behavioral_bot' then 60 else i % 20 end,
    case when class = 'behavioral_bot'
        then '[{"signal": "rate_10s", "points": 60, "reason": "40 events within ten seconds"}]'::jsonb
        else '[]' end,
    '2026-11-25-test', '/', (array['/', '/blog/a', '/blog/b'])[1 + i % 3],
    (array['/', '/blog/a', '/blog/b'])[1 : 1 + i % 3], 1 + i % 3, 1 + i % 3,
    case when class in ('clean_human', 'behavioral_bot') then 1 + i % 3 else 0 end,
    case when class in ('clean_human', 'behavioral_bot') then 5000 * (1 + i % 3) else 0 end,
    case when class = 'clean_human' then 50 + i % 50 end,
    case when class = 'clean_human' then i % 4 else 0 end,
    (array['direct', 'organic_search', 'ai_assistant', 'referral'])[1 + i / 6 % 4],
    (array['', 'Google', 'ChatGPT', E'=evil\u202e%_'])[1 + i / 6 % 4],
    (array['', 'google.com', 'chatgpt.com', 'evil.example'])[1 + i / 6 % 4], '',
    (array['desktop', 'mobile'])[1 + i / 2 % 2], (array['Firefox', 'Chrome', 'Safari'])[1 + i % 3],
    (array['Linux', 'Android'])[1 + i / 2 % 2], (array['DE', 'US', ''])[1 + i / 3 % 3], '', 'de',
    'Mozilla/5.0', false,
    case when class in ('clean_human', 'behavioral_bot') then '{"views": 1}'::jsonb else '{"served": 1}' end
from (
    select i, timestamptz '2026-11-25T09:50:00.5Z' - i * interval '47 minutes' as started_at,
        (array['clean_human', 'unconfirmed', 'known_bot', 'ghost', 'scanner', 'behavioral_bot'])[1 + (i / 3 + i) % 6]
            as class
    from generate_series(0, 1224) as i
) as counted;

insert into page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status, engaged_ms,
    events, max_scroll, clicks, pattern, imported)
select
    md5(s.id::text || n)::uuid, s.started_at + (n - 1) * interval '4 minutes', s.id, s.site, s.path[n],
    'Title of ' || s.path[n], s.referrer,
    case when s.facts ? 'views' then 'tracker' else 'server' end, true,
    case when s.facts ? 'views' then null else 'GET' end,
    case when s.facts ? 'views' then null else 200 end,
    case when s.facts ? 'views' then 5000 else 0 end, case when s.facts ? 'views' then 1 else 0 end,
    case when n = s.pages then s.max_scroll end, case when n = 1 then s.clicks else 0 end,
    case when s.facts ? 'views' then (array['bounced', 'skimmed', 'read', 'deep_read', 'left_open'])[1 + n * s.pages % 5]
        else '' end, false
from user_sessions s
cross join lateral generate_series(1, s.pages) as n;

insert into open_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms, max_scroll, clicks,
    channel, source, referrer, campaign, device, browser, os, country, region, language, user_agent,
    imported, facts, identity, touched_at)
values (
    '01a2122a-6ce0-7000-9000-000000000001', '2026-11-25T10:05:00Z', '2026-11-25T10:07:00Z',
    '000000000000000000000000000000aa', 'example.com', 'clean_human', '', '', '', 3,
    '[{"signal": "no_referrers", "points": 3, "reason": "1 pages, each from nowhere"}]', '2026-11-25-test',
    '/blog/a', '/blog/a', array['/blog/a'], 1, 1, 2, 61000, 80, 1, 'direct', '', '', '', 'desktop', 'Firefox',
    'Linux', 'DE', '', 'de', 'Mozilla/5.0', false, '{"views": 1}', '000000000000000000000000000000aa',
    '2026-11-25T10:07:00Z');

insert into open_page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status, engaged_ms,
    events, max_scroll, clicks, pattern, imported, seen_to, seen_beyond)
values (
    '000000000000000000000000000000bb', '2026-11-25T10:05:00Z', '01a2122a-6ce0-7000-9000-000000000001',
    'example.com', '/blog/a', 'First', '', 'tracker', true, null, null, 61000, 2, 80, 1, '', false, 2, '{}');

insert into content_items (id, site, path, title, kind, origin, created_at, updated_at)
values
    ('019aba00-0000-7000-9000-00000000000a', 'example.com', '/blog/a', 'First', 'article', 'registered',
        '2026-10-01T00:00Z', '2026-10-01T00:00Z'),
    ('019aba00-0000-7000-9000-00000000000b', 'example.com', '/blog/b', E'Second\u202e', 'article', 'discovered',
        '2026-11-20T00:00Z', '2026-11-20T00:00Z');

insert into content_performance_metrics
values ('019aba00-0000-7000-9000-00000000000a', 900, 800, 12.5, 60, 40, 70, 300, 'up', 1.4, false, '2026-11-25',
    '2026-11-25T10:00Z');

do $do$
declare
    part record;
begin
    for part in
        select * from (values ('quarter', '15 minutes'), ('hour', '1 hour'), ('day', '1 day'), ('week', '7 days')) as g (grain, width)
    loop
        -- Weeks are kept of pages alone.
        if part.grain <> 'week' then
            execute format(
                $sql$
                insert into web_%s
                select c.cube, date_bin(%L, s.started_at, timestamptz 'epoch'), s.site, s.class, c.d1, c.d2, c.d3,
                    count(*), count(distinct s.visitor),
                    count(*) filter (where s.engaged_ms >= 10000 or s.pages >= 2),
                    count(*) filter (where s.events > 0), sum(s.events), sum(s.pages), sum(s.requests),
                    sum(s.engaged_ms), count(s.max_scroll), coalesce(sum(s.max_scroll), 0), sum(s.clicks),
                    sum(extract(epoch from s.last_seen_at - s.started_at) * 1000)::bigint
                from user_sessions s
                cross join lateral (values
                    ('total', '', '', ''),
                    ('bot', s.bot_kind, s.bot_operator, s.bot_name),
                    ('source', s.channel, s.source, s.referrer),
                    ('geo', s.country, s.region, ''),
                    ('device', s.device, s.browser, s.os)) as c (cube, d1, d2, d3)
                group by 1, 2, 3, 4, 5, 6, 7
                $sql$,
                part.grain, part.width);
        end if;
        execute format(
            $sql$
            insert into page_%s
            select c.cube, date_bin(%L, v.created_at, timestamptz 'epoch'), s.site, s.class, v.path, c.other,
                count(*), case c.cube when 'page' then count(distinct s.visitor) else 0 end,
                count(*) filter (where c.main and v.events > 0),
                coalesce(sum(v.engaged_ms) filter (where c.main), 0),
                count(v.max_scroll) filter (where c.main),
                coalesce(sum(v.max_scroll) filter (where c.main), 0),
                coalesce(sum(v.clicks) filter (where c.main), 0),
                count(*) filter (where c.main and v.path = s.landing_page),
                count(*) filter (where c.main and v.path = s.exit_page),
                count(*) filter (where c.main and pattern = 'bounced'),
                count(*) filter (where c.main and pattern = 'skimmed'),
                count(*) filter (where c.main and pattern = 'read'),
                count(*) filter (where c.main and pattern = 'deep_read'),
                count(*) filter (where c.main and pattern = 'left_open')
            from page_views v
            join user_sessions s on s.id = v.session_id
            cross join lateral (values
                ('page', '', true, true),
                ('next', case v.path when s.exit_page then '' when '/' then '/blog/a' else '/blog/b' end, false, true),
                ('ai', s.bot_operator, false, starts_with(s.bot_kind, 'ai'))) as c (cube, other, main, applies)
            where c.applies
            group by 1, 2, 3, 4, 5, 6
            $sql$,
            part.grain, part.width);
    end loop;
end
$do$;
