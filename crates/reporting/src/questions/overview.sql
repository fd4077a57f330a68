-- The requests under way.
select count(*) as "under_way!"
from open_requests
where $1::text is null or context ->> 'agent' = $1
