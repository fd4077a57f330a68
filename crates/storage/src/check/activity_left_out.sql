-- UTC days whose activity was counted and is gone.
select distinct bucket
from activity_day
where not exists (
    select from user_activity
    where created_at >= bucket and created_at < bucket + interval '1 day'
)
order by bucket
