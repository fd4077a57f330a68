-- When each visitor was first seen in each rollup row of pages, of the UTC day from
-- $1 to $2.
select
    'page' as cube, s.site, s.class, v.path as d1, '' as d2, '' as d3, s.visitor,
    min(v.created_at) as first
from page_views v
join user_sessions s
    on s.id = v.session_id
   and s.started_at > $1::timestamptz - interval '1 day' and s.started_at < $2
where v.created_at >= $1 and v.created_at < $2
  and v.counted
  and s.visitor is not null
  and (v.source in ('tracker', 'pixel') or coalesce((s.facts ->> 'views')::int, 0) = 0)
group by s.site, s.class, v.path, s.visitor
