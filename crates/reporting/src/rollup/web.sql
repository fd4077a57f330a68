-- Sessions that began in the windows $2, and those under way that began in
-- [$3, $4), by the dimensions of the cube $5, by the steps that begin at $8 and, if
-- $9 says so, by class. Of the dimensions those are told apart that $11 says. No agent
-- sees any.
select
    case when cardinality($8::timestamptz[]) = 0 then 0 else width_bucket(bucket, $8) end as "step!",
    case when $9::boolean then class else '' end as "class!",
    case when ($11::boolean[])[1] then d1 else '' end as "d1!",
    case when ($11)[2] then d2 else '' end as "d2!",
    case when ($11)[3] then d3 else '' end as "d3!",
    sum(sessions)::bigint as "sessions!",
    sum(visitors)::bigint as "visitors!",
    sum(engaged)::bigint as "engaged!",
    sum(tracked)::bigint as "tracked!",
    sum(events)::bigint as "events!",
    sum(pages)::bigint as "pages!",
    sum(requests)::bigint as "requests!",
    sum(engaged_ms)::bigint as "engaged_ms!",
    sum(scrolled)::bigint as "scrolled!",
    sum(scroll)::bigint as "scroll!",
    sum(clicks)::bigint as "clicks!",
    sum(duration_ms)::bigint as "duration_ms!",
    (sum(sum(sessions)) over ())::bigint as "all_sessions!"
from web
where (in_windows(grain, bucket, $2) or grain = 'open' and bucket >= $3 and bucket < $4)
  and cube = $5
  and $1::text is null
  and (cardinality($6::text[]) = 0 or class = any ($6))
  and (cardinality($7::text[]) = 0 or site = any ($7))
group by 1, 2, 3, 4, 5
having sum(sessions) > 0
order by 1, sum(sessions) desc, 2, 3, 4, 5
limit $10
