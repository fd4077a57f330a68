-- Their views: of $3 pages, some are read far more than others.
insert into page_views (
    id, created_at, session_id, site, path, title, referrer, source, counted, method, status, engaged_ms,
    events, max_scroll, clicks, pattern, imported
)
select
    md5('view' || $1::timestamptz || n)::uuid, $1::timestamptz + n * (interval '1 day' / $2::bigint),
    md5('session' || $1 || n / 4)::uuid, 'example.com',
    '/blog/' || floor($3::int * power((n * 7919 % 10007) / 10007.0, 2))::int, '', '', 'tracker', true,
    null, null, $4::bigint * 1000 + $4 * ($4 - 1) * 50 + $4 * (n % 7), $4::int, least(100, 10 * $4 + n % 10)::smallint,
    (n % 3)::int, 'read', false
from generate_series(0, $2 - 1) as n
