-- Rows of one grain of `web` that are not the sums over `user_sessions`. $1 the
-- grain, $2 the width of its buckets, $3 the days that are left out, $4 its
-- cubes. Visitors are compared by the day: within it they count where their first
-- session to close began.
with expected as (
    select
        c.cube,
        date_bin($2::interval, s.started_at, timestamptz 'epoch') as bucket,
        s.site,
        s.class,
        c.d1,
        c.d2,
        c.d3,
        count(*) as sessions,
        case when $1 = 'day' then count(distinct s.visitor) else 0 end as visitors,
        count(*) filter (where s.engaged_ms >= 10000 or s.pages >= 2) as engaged,
        count(*) filter (where s.events > 0) as tracked,
        sum(s.events) as events,
        sum(s.pages) as pages,
        sum(s.requests) as requests,
        sum(s.engaged_ms)::bigint as engaged_ms,
        count(s.max_scroll) as scrolled,
        coalesce(sum(s.max_scroll), 0) as scroll,
        sum(s.clicks) as clicks,
        sum(trunc(extract(epoch from s.last_seen_at - s.started_at) * 1000))::bigint as duration_ms
    from user_sessions s
    cross join lateral (values
        ('total', '', '', ''),
        ('bot', s.bot_kind, s.bot_operator, s.bot_name),
        ('source', s.channel, s.source, s.referrer),
        ('geo', s.country, s.region, ''),
        ('device', s.device, s.browser, s.os)
    ) as c (cube, d1, d2, d3)
    where c.cube = any($4)
      and date_bin(interval '1 day', s.started_at, timestamptz 'epoch') <> all($3)
    group by 1, 2, 3, 4, 5, 6, 7
),
found as (
    select
        cube, bucket, site, class, d1, d2, d3, sessions,
        case when $1 = 'day' then visitors else 0 end as visitors,
        engaged, tracked, events, pages, requests, engaged_ms, scrolled, scroll, clicks,
        duration_ms
    from web
    where grain = $1
      and sessions <> 0
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
)
select
    concat_ws(' ', cube, bucket, site, class, d1, d2, d3) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) as found
from expected e
full join found f using (cube, bucket, site, class, d1, d2, d3)
where to_jsonb(e) is distinct from to_jsonb(f)
order by key
