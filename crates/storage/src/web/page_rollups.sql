-- Adds deltas to the table of their grain.
insert into page_GRAIN as u (
    cube, bucket, site, class, path, other, views, visitors, timed, engaged_ms, scrolled, scroll,
    clicks, entries, exits, bounced, skimmed, read, deep_read, left_open
)
select
    cube, bucket, site, class, d1, d2, views, visitors, timed, engaged_ms, scrolled, scroll,
    clicks, entries, exits, bounced, skimmed, read, deep_read, left_open
from unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
    $20::bigint[], $21::bigint[]
) as d (
    cube, bucket, site, class, d1, d2, d3, views, visitors, timed, engaged_ms, scrolled, scroll,
    clicks, entries, exits, bounced, skimmed, read, deep_read, left_open
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
