-- Content with the id $2 or the path $3. No agent sees any.
select id, site, path, title, kind, origin
from content_items
where $1::text is null
  and (id = $2 or path = $3)
  and (cardinality($4::text[]) = 0 or site = any ($4))
order by site
limit 2
