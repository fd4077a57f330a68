-- The figures of content, of people alone: of all if $1 says so, else of the pages
-- ($2, $3) whose counts changed, of what has no figures, and of what had views
-- of late or was new, if its figures are not those of the day $4, which began
-- at $5.
with asked as (
    select c.id, c.site, c.path, c.created_at
    from content_items c
    left join content_performance_metrics m on m.content_id = c.id
    where $1::boolean
       or m.content_id is null
       or m.aggregated_for < $4::date and (m.views_last_30_days > 0 or m.is_new)
       or (c.site, c.path) in (select * from unnest($2::text[], $3::text[]))
)
select
    a.id,
    a.created_at,
    min(p.bucket) as first_day,
    coalesce(sum(p.views), 0)::bigint as views,
    coalesce(sum(p.visitors), 0)::bigint as visitors,
    coalesce(sum(p.timed), 0)::bigint as timed,
    coalesce(sum(p.engaged_ms), 0)::bigint as engaged_ms,
    coalesce(sum(p.scrolled), 0)::bigint as scrolled,
    coalesce(sum(p.scroll), 0)::bigint as scroll,
    coalesce(sum(p.clicks), 0)::bigint as clicks,
    coalesce(sum(p.views) filter (where p.bucket > $5::timestamptz - interval '7 days'), 0)::bigint
        as last_7,
    coalesce(sum(p.views) filter (where p.bucket > $5 - interval '30 days'), 0)::bigint as last_30,
    coalesce(sum(p.views) filter (
        where p.bucket >= $5 - interval '7 days' and p.bucket < $5), 0)::bigint as week,
    coalesce(sum(p.views) filter (
        where p.bucket >= $5 - interval '28 days' and p.bucket < $5 - interval '7 days'), 0)::bigint
        as weeks_before
from asked a
left join page_day p
    on p.cube = 'page' and p.site = a.site and p.path = a.path and p.class = any($6::text[])
group by a.id, a.created_at
order by a.id
