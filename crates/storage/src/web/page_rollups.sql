-- Adds deltas to the table of their grain.
insert into page_GRAIN as u (
    cube, bucket, site, class, path, other,
    views, visitors, timed, engaged_ms, scrolled, scroll,
    clicks, entries, exits, bounced, skimmed, read,
    deep_read, left_open
)
select
    cube, bucket, site, class, d1, d2,
    views, visitors, timed, engaged_ms, scrolled, scroll,
    clicks, entries, exits, bounced, skimmed, read,
    deep_read, left_open
from jsonb_to_recordset($1) as d (
    cube text, bucket timestamptz, site text, class text, d1 text, d2 text, d3 text,
    views bigint, visitors bigint, timed bigint, engaged_ms bigint,
    scrolled bigint, scroll bigint, clicks bigint, entries bigint,
    exits bigint, bounced bigint, skimmed bigint, read bigint,
    deep_read bigint, left_open bigint
)
on conflict (cube, bucket, site, class, path, other) do update set
    views = u.views + excluded.views,
    visitors = u.visitors + excluded.visitors,
    timed = u.timed + excluded.timed,
    engaged_ms = u.engaged_ms + excluded.engaged_ms,
    scrolled = u.scrolled + excluded.scrolled,
    scroll = u.scroll + excluded.scroll,
    clicks = u.clicks + excluded.clicks,
    entries = u.entries + excluded.entries,
    exits = u.exits + excluded.exits,
    bounced = u.bounced + excluded.bounced,
    skimmed = u.skimmed + excluded.skimmed,
    read = u.read + excluded.read,
    deep_read = u.deep_read + excluded.deep_read,
    left_open = u.left_open + excluded.left_open
