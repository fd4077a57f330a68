-- Of visitors who may have to be counted in a row, by day and dimensions, the
-- numbers of those who were not counted there on that day.
with asked as (
    select day, web_scope(cube, site, class, d1, d2, d3) as scope, visitor, n
    from unnest(
        $1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::uuid[]
    ) with ordinality as a (day, cube, site, class, d1, d2, d3, visitor, n)
),
first as (
    select day, scope, visitor, min(n) as n from asked group by day, scope, visitor
),
added as (
    insert into visitor_seen (day, scope, visitor, seen_at)
    select day, scope, visitor, $9 from first order by day, scope, visitor
    on conflict do nothing
    returning day, scope, visitor
)
select n from first join added using (day, scope, visitor)
