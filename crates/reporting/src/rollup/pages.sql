-- Page views in the windows $2, and those of sessions under way in [$3, $4), of
-- the cube $5, by the steps that begin at $8 and, if $9 says so, by page. $10 and $11
-- name one page; with $12 only content counts; $14 puts first what held people
-- longest; with $15 only what has an other counts. No agent sees any.
select
    case when cardinality($8::timestamptz[]) = 0 then 0 else width_bucket(bucket, $8) end as "step!",
    case when $9::boolean then site else '' end as "site!",
    case when $9 then path else '' end as "path!",
    case when $9 then other else '' end as "other!",
    sum(views)::bigint as "views!",
    sum(visitors)::bigint as "visitors!",
    sum(timed)::bigint as "timed!",
    sum(engaged_ms)::bigint as "engaged_ms!",
    sum(scrolled)::bigint as "scrolled!",
    sum(scroll)::bigint as "scroll!",
    sum(clicks)::bigint as "clicks!",
    sum(entries)::bigint as "entries!",
    sum(exits)::bigint as "exits!",
    sum(bounced)::bigint as "bounced!",
    sum(skimmed)::bigint as "skimmed!",
    sum(read)::bigint as "read!",
    sum(deep_read)::bigint as "deep_read!",
    sum(left_open)::bigint as "left_open!",
    (sum(sum(views)) over ())::bigint as "all_views!"
from page p
where (in_windows(grain, bucket, $2) or grain = 'open' and bucket >= $3 and bucket < $4)
  and cube = $5
  and $1::text is null
  and (cardinality($6::text[]) = 0 or class = any ($6))
  and (cardinality($7::text[]) = 0 or site = any ($7))
  and ($10::text is null or site = $10)
  and ($11::text is null or path = $11)
  and (not $12::boolean
      or exists (select from content_items c where c.site = p.site and c.path = p.path))
  and (not $15::boolean or other <> '')
group by 1, 2, 3, 4
having sum(views) > 0
order by 1, case when $14::boolean then sum(engaged_ms) else 0 end desc, sum(views) desc, 2, 3, 4
limit $13
