-- What they add to the counts of the day, and the pages as content.
with added as (
    insert into page_day (
        cube, bucket, site, class, path, other, views, visitors, timed, engaged_ms, scrolled, scroll,
        clicks, entries, exits, bounced, skimmed, read, deep_read, left_open
    )
    select
        'page', $1::timestamptz, v.site, s.class, v.path, '', count(*), count(distinct s.visitor),
        count(*) filter (where v.events > 0), sum(v.engaged_ms), count(v.max_scroll), sum(v.max_scroll),
        sum(v.clicks), 0, 0, 0, 0, count(*), 0, 0
    from page_views v
    join user_sessions s
        on s.id = v.session_id and s.started_at >= $1 and s.started_at < $1 + interval '1 day'
    where v.created_at >= $1 and v.created_at < $1 + interval '1 day' and $2::bigint > 0 and $4::bigint > 0
    group by v.site, s.class, v.path
)
insert into content_items (id, site, path, title, kind, origin, created_at, updated_at)
select md5('content' || n)::uuid, 'example.com', '/blog/' || n, '', 'article', 'discovered', $1, $1
from generate_series(0, $3::int - 1) as n
on conflict do nothing
