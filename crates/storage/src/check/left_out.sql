-- UTC days that were counted and have no detail, or not all of it. A day that
-- merely counts more than its rows is none of them: that would be an error.
select bucket
from usage_day
where cube = 'total'
  and (
      bucket < (select kept_from from retained where what = 'detail')
      or exists (
          select from seen_ids
          where source = 'request'
            and created_at >= bucket and created_at < bucket + interval '1 day'
      )
      or not exists (
          select from ai_requests
          where created_at >= bucket and created_at < bucket + interval '1 day'
      ) and not exists (
          select from imported_hours
          where at >= bucket and at < bucket + interval '1 day'
            and began_at > bucket - interval '24 hours' and began_at < bucket + interval '1 day'
      )
  )
order by bucket
