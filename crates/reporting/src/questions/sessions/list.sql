-- Sessions that began in the period [$2, $3), the newest first, down from
-- ($4, $5). Each branch stops by itself; no agent sees any.
select
    id as "id!", started_at as "started_at!", last_seen_at as "last_seen_at!", class as "class!",
    bot_kind as "bot_kind!", bot_name as "bot_name!", score as "score!", site as "site!",
    landing_page as "landing_page!", exit_page as "exit_page!", pages as "pages!",
    engaged_ms as "engaged_ms!", max_scroll, clicks as "clicks!", channel as "channel!",
    source as "source!", referrer as "referrer!", device as "device!", browser as "browser!",
    os as "os!", country as "country!"
from (
    (
        select
            id, started_at, last_seen_at, class, bot_kind, bot_name, score, site, landing_page,
            exit_page, pages, engaged_ms, max_scroll, clicks, channel, source, referrer, device,
            browser, os, country
        from user_sessions
        where started_at >= $2 and started_at < $3
          and ($4::timestamptz is null or (started_at, id) < ($4, $5::uuid))
          and $1::text is null
          and (cardinality($6::text[]) = 0 or class = any ($6))
          and (cardinality($7::text[]) = 0 or site = any ($7))
        order by started_at desc, id desc
        limit $8
    )
    union all
    (
        select
            id, started_at, last_seen_at, class, bot_kind, bot_name, score, site, landing_page,
            exit_page, pages, engaged_ms, max_scroll, clicks, channel, source, referrer, device,
            browser, os, country
        from open_sessions
        where started_at >= $2 and started_at < $3
          and ($4::timestamptz is null or (started_at, id) < ($4, $5::uuid))
          and $1::text is null
          and (cardinality($6::text[]) = 0 or class = any ($6))
          and (cardinality($7::text[]) = 0 or site = any ($7))
        order by started_at desc, id desc
        limit $8
    )
) as both_kinds
order by started_at desc, id desc
limit $8
