-- Sessions that are over and began in [$1, $2).
declare rows no scroll cursor for
select row_to_json(r)::text
from (
    select
        id, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as started_at,
        to_char(last_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_seen_at,
        site, class, bot_kind, bot_name, bot_operator, score, landing_page, exit_page, pages, requests,
        events, engaged_ms, max_scroll, clicks, channel, source, referrer, campaign, device, browser, os,
        country, region, language, imported
    from user_sessions
    where started_at >= $1::timestamptz and started_at < $2::timestamptz
    order by user_sessions.started_at, user_sessions.id
) as r
