-- Page views as they look now; their visitors are locked.
insert into open_page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status,
    engaged_ms, events, max_scroll, clicks, pattern, imported, seen_to, seen_beyond
)
select
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status,
    engaged_ms, events, max_scroll, clicks, pattern, imported, seen_to, seen_beyond
from jsonb_populate_recordset(null::open_page_views, $1)
order by id
on conflict (id) do update set
    created_at = excluded.created_at,
    session_id = excluded.session_id,
    site = excluded.site,
    path = excluded.path,
    title = excluded.title,
    referrer = excluded.referrer,
    source = excluded.source,
    counted = excluded.counted,
    method = excluded.method,
    status = excluded.status,
    engaged_ms = excluded.engaged_ms,
    events = excluded.events,
    max_scroll = excluded.max_scroll,
    clicks = excluded.clicks,
    pattern = excluded.pattern,
    imported = excluded.imported,
    seen_to = excluded.seen_to,
    seen_beyond = excluded.seen_beyond
