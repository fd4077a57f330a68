-- Rows of one grain of `page` that are not the sums over `page_views`. $1 the
-- grain, $2 the width of its buckets, $3 the days that are left out, $4 its
-- cubes. Visitors are compared by the day, as those of sessions are.
with seen as (
    select
        v.*,
        s.site as of_site,
        s.class,
        s.visitor,
        s.bot_kind,
        s.bot_operator,
        row_number() over w as nth,
        lead(v.path) over w as next
    from page_views v
    join user_sessions s
        on s.id = v.session_id
       and s.started_at >= v.created_at - interval '25 hours' and s.started_at <= v.created_at
    where v.counted
      and (v.source in ('tracker', 'pixel') or coalesce((s.facts ->> 'views')::int, 0) = 0)
    window w as (partition by v.session_id order by v.created_at, v.id)
),
counted as (
    select c.*, date_bin($2::interval, v.created_at, timestamptz 'epoch') as bucket,
        v.of_site as site, v.class, v.path, v.visitor, v.events, v.engaged_ms, v.max_scroll,
        v.clicks, v.nth, v.next, v.pattern
    from seen v
    cross join lateral (values
        ('page', '', true),
        ('next', coalesce(v.next, ''), v.next is distinct from v.path),
        ('ai', v.bot_operator, starts_with(v.bot_kind, 'ai_'))
    ) as c (cube, other, applies)
    where c.applies
      and c.cube = any($4)
      and date_bin(interval '1 day', v.created_at, timestamptz 'epoch') <> all($3)
),
expected as (
    select
        cube, bucket, site, class, path, other,
        count(*) as views,
        case when $1 = 'day' and cube = 'page' then count(distinct visitor) else 0 end as visitors,
        count(*) filter (where cube = 'page' and events > 0) as timed,
        coalesce(sum(engaged_ms) filter (where cube = 'page'), 0)::bigint as engaged_ms,
        count(max_scroll) filter (where cube = 'page') as scrolled,
        coalesce(sum(max_scroll) filter (where cube = 'page'), 0) as scroll,
        coalesce(sum(clicks) filter (where cube = 'page'), 0) as clicks,
        count(*) filter (where cube = 'page' and nth = 1) as entries,
        count(*) filter (where cube = 'page' and next is null) as exits,
        count(*) filter (where cube = 'page' and pattern = 'bounced') as bounced,
        count(*) filter (where cube = 'page' and pattern = 'skimmed') as skimmed,
        count(*) filter (where cube = 'page' and pattern = 'read') as read,
        count(*) filter (where cube = 'page' and pattern = 'deep_read') as deep_read,
        count(*) filter (where cube = 'page' and pattern = 'left_open') as left_open
    from counted
    group by cube, bucket, site, class, path, other
),
found as (
    select
        cube, bucket, site, class, path, other, views,
        case when $1 = 'day' then visitors else 0 end as visitors,
        timed, engaged_ms, scrolled, scroll, clicks, entries, exits, bounced, skimmed, read,
        deep_read, left_open
    from page
    where grain = $1
      and views <> 0
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
)
select
    concat_ws(' ', cube, bucket, site, class, path, other) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) as found
from expected e
full join found f using (cube, bucket, site, class, path, other)
where to_jsonb(e) is distinct from to_jsonb(f)
order by key
