-- Page views of sessions that are over. One that went on into another session is
-- known by another id.
insert into page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status,
    engaged_ms, events, max_scroll, clicks, pattern, imported
)
select
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status,
    engaged_ms, events, max_scroll, clicks, pattern, imported
from jsonb_populate_recordset(null::page_views, $1)
on conflict do nothing
