-- Requests whose id lies in [$4, $5], which is between $2 and $3; finished ones
-- and those under way.
select id as "id!", created_at as "created_at!", true as "finished!"
from ai_requests
where created_at >= $2 and created_at < $3 and id between $4 and $5
  and ($1::text is null or agent = $1)
union all
select id, created_at, false
from open_requests
where id between $4 and $5
  and ($1::text is null or context ->> 'agent' = $1)
order by 1
limit $6
