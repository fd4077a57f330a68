-- The events of these views, which say together what the views say.
insert into engagement_events (
    id, created_at, session_id, page_view_id, site, path, seq, engaged_ms, max_scroll, clicks
)
select
    md5(v.id || '-' || seq)::uuid, v.created_at + seq * interval '1 millisecond', v.session_id, v.id, v.site,
    v.path, seq::int, (1000 + (seq - 1) * 100 + (v.engaged_ms - $4::bigint * 1000 - $4 * ($4 - 1) * 50) / $4)::int,
    case when seq = $4 then v.max_scroll else (v.max_scroll / 2)::smallint end,
    case when seq = 1 then v.clicks else 0 end
from page_views v
cross join generate_series(1, $4) as seq
where v.created_at >= $1::timestamptz and v.created_at < $1 + interval '1 day' and $2::bigint > 0 and $3::int > 0
