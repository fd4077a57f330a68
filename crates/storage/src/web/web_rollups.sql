-- Adds deltas to the table of their grain.
insert into web_GRAIN as u (
    cube, bucket, site, class, d1, d2, d3,
    sessions, visitors, engaged, tracked, events, pages,
    requests, engaged_ms, scrolled, scroll, clicks, duration_ms
)
select
    cube, bucket, site, class, d1, d2, d3,
    sessions, visitors, engaged, tracked, events, pages,
    requests, engaged_ms, scrolled, scroll, clicks, duration_ms
from jsonb_to_recordset($1) as d (
    cube text, bucket timestamptz, site text, class text, d1 text, d2 text, d3 text,
    sessions bigint, visitors bigint, engaged bigint, tracked bigint,
    events bigint, pages bigint, requests bigint, engaged_ms bigint,
    scrolled bigint, scroll bigint, clicks bigint, duration_ms bigint
)
on conflict (cube, bucket, site, class, d1, d2, d3) do update set
    sessions = u.sessions + excluded.sessions,
    visitors = u.visitors + excluded.visitors,
    engaged = u.engaged + excluded.engaged,
    tracked = u.tracked + excluded.tracked,
    events = u.events + excluded.events,
    pages = u.pages + excluded.pages,
    requests = u.requests + excluded.requests,
    engaged_ms = u.engaged_ms + excluded.engaged_ms,
    scrolled = u.scrolled + excluded.scrolled,
    scroll = u.scroll + excluded.scroll,
    clicks = u.clicks + excluded.clicks,
    duration_ms = u.duration_ms + excluded.duration_ms
