-- What the session $2, from $3 to $4, looked at and asked for, in order.
select
    created_at as "at!", path as "path!", source as "source!", status, engaged_ms as "engaged_ms!",
    max_scroll, clicks as "clicks!", pattern as "pattern!"
from (
    select created_at, id, path, source, status, engaged_ms, max_scroll, clicks, pattern
    from page_views
    where session_id = $2 and created_at >= $3 and created_at <= $4
    union all
    select created_at, id, path, source, status, engaged_ms, max_scroll, clicks, pattern
    from open_page_views
    where session_id = $2
) as both_kinds
where $1::text is null
order by created_at, id
limit $5
