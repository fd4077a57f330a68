-- Sessions of four views each on the day that began at $1, with $2 views; $3 pages,
-- $4 events a view. Six of ten are people.
insert into user_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms, max_scroll, clicks,
    channel, source, referrer, campaign, device, browser, os, country, region, language, user_agent,
    imported, facts
)
select
    md5('session' || $1::timestamptz || n)::uuid, $1::timestamptz + n * 4 * (interval '1 day' / $2::bigint),
    $1::timestamptz + n * 4 * (interval '1 day' / $2), md5('visitor' || $1 || n)::uuid, 'example.com',
    case when n % 10 < 5 then 'clean_human' when n % 10 = 5 then 'unconfirmed' else 'known_bot' end,
    '', '', '', 0, '[]', '1', '/', '/', '{}', 4, 4, 4 * $4::int, 0, 50, 0, 'direct', '', '', '', 'desktop',
    'Firefox', 'Linux', 'DE', '', 'en', 'Mozilla/5.0', $3::int < 0, '{}'
from generate_series(0, ($2 - 1) / 4) as n
