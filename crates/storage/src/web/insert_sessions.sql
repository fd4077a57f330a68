-- Sessions that are over.
insert into user_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms,
    max_scroll, clicks, channel, source, referrer, campaign, device, browser, os, country,
    region, language, user_agent, imported, facts
)
select
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms,
    max_scroll, clicks, channel, source, referrer, campaign, device, browser, os, country,
    region, language, user_agent, imported, facts
from jsonb_populate_recordset(null::user_sessions, $1)
