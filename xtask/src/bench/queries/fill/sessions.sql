-- The visits of the stretch: a tenth as many as requests, each of another visitor,
-- with one to four pages out of two thousand and as many engagement events, over
-- all, as there are requests.
select setseed(:part / 100.0);

insert into user_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score,
    signals, rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms,
    max_scroll, clicks, channel, source, referrer, campaign, device, browser, os, country, region,
    language, user_agent, imported, facts
)
with visits as materialized (
    select
        (date_part('epoch', :begin::timestamptz) * 1000 + 86400000 * (u + 0.1 * sin(2 * pi() * u)))::bigint as ms,
        1 + floor(4 * random())::int as pages, floor(2000 * pow(random(), 2))::int as first,
        (array['clean_human', 'clean_human', 'clean_human', 'clean_human', 'clean_human', 'clean_human',
            'known_bot', 'known_bot', 'ghost', 'unconfirmed'])[1 + n % 10] as class,
        floor(12 * pow(random(), 2))::int as origin, floor(40 * pow(random(), 2))::int as country,
        floor(8 * random())::int as device, floor(20 * random())::int as bot, random() as site
    from (
        select n, (n + random()) / (:rows / 900) as u from generate_series(0, :rows / 900 - 1) as n
    ) as spread
),

told as materialized (
    select
        *, timestamptz 'epoch' + ms * interval '1 millisecond' as at,
        array(select '/page-' || lpad(((first + k * 37) % 2000)::text, 4, '0') from generate_series(0, pages - 1) k) as path,
        case class when 'clean_human' then 16 when 'unconfirmed' then 4 else 0 end as events
    from visits
)

select
    bench_v7(ms), at, at + (pages - 1) * interval '1 minute', gen_random_uuid(),
    case when site < 0.8 then 'example.com' else 'example.org' end, class,
    case when class = 'known_bot' then (array['search', 'ai_training', 'ai_search', 'monitor'])[1 + bot % 4] else '' end,
    case when class = 'known_bot' then 'bot-' || bot else '' end,
    case when class = 'known_bot' then 'operator-' || bot / 2 else '' end, 3,
    '[{"signal": "no_referrers", "points": 3, "reason": "each from nowhere"}]', 'bench',
    path[1], path[pages], path, pages, pages, events, events * 5000,
    case when events > 0 then 40 + first % 60 end, case when events > 0 then first % 3 else 0 end,
    (array['direct', 'organic_search', 'referral', 'ai_assistant'])[1 + origin % 4],
    case when origin % 4 = 0 then '' else 'source-' || origin end,
    case when origin % 4 = 0 then '' else 'source-' || origin || '.example' end, '',
    (array['desktop', 'mobile'])[1 + device % 2], (array['Chrome', 'Safari', 'Firefox', 'Edge'])[1 + device / 2],
    (array['Windows', 'Android'])[1 + device % 2], 'C' || country, '', 'en', 'Mozilla/5.0 (bench)', false, '{}'
from told
order by ms;

insert into page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, engaged_ms, events,
    max_scroll, clicks, pattern, imported
)
select
    bench_v7((date_part('epoch', at) * 1000)::bigint), at, id, site, path, 'Title of ' || path, referrer,
    'tracker', true, seen * 5000, seen, max_scroll,
    case when nth = 1 then clicks else 0 end,
    case when seen = 0 then '' else (array['bounced', 'skimmed', 'read', 'deep_read', 'left_open'])[1 + seen % 5] end, false
from (
    select s.id, s.site, s.referrer, s.max_scroll, s.clicks, p.path, p.nth,
        s.started_at + (p.nth - 1) * interval '1 minute' as at,
        s.events / s.pages + (p.nth <= s.events % s.pages)::int as seen
    from user_sessions s
    cross join lateral unnest(s.path) with ordinality as p (path, nth)
    where s.started_at >= :begin and s.started_at < :end
) as seen
order by at;

insert into engagement_events (
    id, created_at, session_id, page_view_id, site, path, seq, engaged_ms, max_scroll, clicks
)
select
    bench_v7((date_part('epoch', at) * 1000)::bigint), at, session_id, view, site, path, n, 5000, max_scroll, 0
from (
    select v.session_id, v.id as view, v.site, v.path, v.max_scroll, n,
        v.created_at + n * interval '3 seconds' as at
    from page_views v
    cross join lateral generate_series(1, v.events) as n
    where v.created_at >= :begin and v.created_at < :end
) as reported
order by at;
