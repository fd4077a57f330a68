-- Sessions with ids from $2 to $3, which began in [$4, $5). No agent sees any.
select
    id as "id!", started_at as "started_at!", last_seen_at as "last_seen_at!", class as "class!",
    bot_kind as "bot_kind!", bot_name as "bot_name!", score as "score!", site as "site!",
    landing_page as "landing_page!", exit_page as "exit_page!", pages as "pages!",
    engaged_ms as "engaged_ms!", max_scroll, clicks as "clicks!", channel as "channel!",
    source as "source!", referrer as "referrer!", device as "device!", browser as "browser!",
    os as "os!", country as "country!", open as "open!",
    signals as "signals!: Json<Vec<Signal>>", rule_version as "rule_version!",
    requests as "requests!", events as "events!", campaign as "campaign!", region as "region!",
    language as "language!", user_agent as "user_agent!", path as "path!"
from (
    select
        id, started_at, last_seen_at, class, bot_kind, bot_name, score, site, landing_page,
        exit_page, pages, engaged_ms, max_scroll, clicks, channel, source, referrer, device,
        browser, os, country, false as open, signals, rule_version, requests, events, campaign,
        region, language, user_agent, path
    from user_sessions
    where started_at >= $4 and started_at < $5 and id between $2 and $3
    union all
    select
        id, started_at, last_seen_at, class, bot_kind, bot_name, score, site, landing_page,
        exit_page, pages, engaged_ms, max_scroll, clicks, channel, source, referrer, device,
        browser, os, country, true, signals, rule_version, requests, events, campaign, region,
        language, user_agent, path
    from open_sessions
    where id between $2 and $3
) as both_kinds
where $1::text is null
order by id
limit $6
