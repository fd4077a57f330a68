-- Sessions as they look now; their visitors are locked.
insert into open_sessions (
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms,
    max_scroll, clicks, channel, source, referrer, campaign, device, browser, os, country,
    region, language, user_agent, imported, facts, identity, touched_at
)
select
    id, started_at, last_seen_at, visitor, site, class, bot_kind, bot_name, bot_operator, score, signals,
    rule_version, landing_page, exit_page, path, pages, requests, events, engaged_ms,
    max_scroll, clicks, channel, source, referrer, campaign, device, browser, os, country,
    region, language, user_agent, imported, facts, identity, touched_at
from jsonb_populate_recordset(null::open_sessions, $1)
order by id
on conflict (id) do update set
    started_at = excluded.started_at,
    last_seen_at = excluded.last_seen_at,
    visitor = excluded.visitor,
    site = excluded.site,
    class = excluded.class,
    bot_kind = excluded.bot_kind,
    bot_name = excluded.bot_name,
    bot_operator = excluded.bot_operator,
    score = excluded.score,
    signals = excluded.signals,
    rule_version = excluded.rule_version,
    landing_page = excluded.landing_page,
    exit_page = excluded.exit_page,
    path = excluded.path,
    pages = excluded.pages,
    requests = excluded.requests,
    events = excluded.events,
    engaged_ms = excluded.engaged_ms,
    max_scroll = excluded.max_scroll,
    clicks = excluded.clicks,
    channel = excluded.channel,
    source = excluded.source,
    referrer = excluded.referrer,
    campaign = excluded.campaign,
    device = excluded.device,
    browser = excluded.browser,
    os = excluded.os,
    country = excluded.country,
    region = excluded.region,
    language = excluded.language,
    user_agent = excluded.user_agent,
    imported = excluded.imported,
    facts = excluded.facts,
    identity = excluded.identity,
    touched_at = excluded.touched_at
