-- Adds deltas to the table of their grain.
insert into web_GRAIN as u (
    cube, bucket, site, class, d1, d2, d3, sessions, visitors, engaged, tracked, events, pages,
    requests, engaged_ms, scrolled, scroll, clicks, duration_ms
)
select
    cube, bucket, site, class, d1, d2, d3, sessions, visitors, engaged, tracked, events, pages,
    requests, engaged_ms, scrolled, scroll, clicks, duration_ms
from unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[]
) as d (
    cube, bucket, site, class, d1, d2, d3, sessions, visitors, engaged, tracked, events, pages,
    requests, engaged_ms, scrolled, scroll, clicks, duration_ms
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
