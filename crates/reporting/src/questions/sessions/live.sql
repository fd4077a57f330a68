-- Sessions that were seen since $2, the last first. No agent sees any.
select
    id, started_at, last_seen_at, class, site, exit_page, pages, engaged_ms, channel, source,
    device, country
from open_sessions
where last_seen_at >= $2
  and $1::text is null
  and (cardinality($3::text[]) = 0 or class = any ($3))
  and (cardinality($4::text[]) = 0 or site = any ($4))
order by last_seen_at desc, id
limit $5
