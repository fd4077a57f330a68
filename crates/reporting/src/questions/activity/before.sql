-- The time of the activity with the id $1: the one in it, $2, or that of its
-- receipt.
select created_at as "created_at!"
from user_activity
where created_at = $2 and id = $1
union all
select created_at
from seen_ids
where source = 'event' and id = $1
limit 1
