-- UTC days whose web traffic was counted and is gone, or partly gone, and the days
-- after them, into which their sessions may have gone on.
with gone as (
    select distinct bucket
    from web_day
    where cube = 'total'
      and sessions > 0
      and (
        bucket < (select kept_from from retained where what = 'detail')
        or not exists (
            select from user_sessions
            where started_at >= bucket and started_at < bucket + interval '1 day'
        )
      )
)
select bucket from gone
union
select bucket + interval '1 day' from gone
order by 1
