-- How many pages have other figures than their views and events.
with events as (
    select page_view_id, sum(engaged_ms)::bigint as engaged_ms, max(max_scroll) as max_scroll,
        sum(clicks)::bigint as clicks
    from engagement_events
    group by page_view_id
),
expected as (
    select v.site, v.path, count(*) as views, sum(e.engaged_ms) / 1000.0 / count(e.engaged_ms) as seconds,
        sum(e.max_scroll)::float8 / count(e.max_scroll) as scroll, sum(e.clicks) as clicks
    from page_views v
    join user_sessions s on s.id = v.session_id
    left join events e on e.page_view_id = v.id
    where s.class in ('clean_human', 'unconfirmed')
    group by v.site, v.path
)
select count(*)
from content_items c
join content_performance_metrics m on m.content_id = c.id
left join expected e on e.site = c.site and e.path = c.path
where m.total_views <> coalesce(e.views, 0)
   or m.clicks <> coalesce(e.clicks, 0)
   or abs(coalesce(m.avg_time_seconds, 0) - coalesce(e.seconds, 0)) > 1e-6
   or abs(coalesce(m.avg_scroll, 0) - coalesce(e.scroll, 0)) > 1e-6
