-- When each visitor was first seen in each rollup row of sessions, of the UTC day
-- from $1 to $2.
select c.cube, s.site, s.class, c.d1, c.d2, c.d3, s.visitor, min(s.started_at) as first
from user_sessions s
cross join lateral (values
    ('total', '', '', ''),
    ('bot', s.bot_kind, s.bot_operator, s.bot_name),
    ('source', s.channel, s.source, s.referrer),
    ('geo', s.country, s.region, ''),
    ('device', s.device, s.browser, s.os)
) as c (cube, d1, d2, d3)
where s.started_at >= $1 and s.started_at < $2 and s.visitor is not null
group by c.cube, s.site, s.class, c.d1, c.d2, c.d3, s.visitor
