-- For each of the alerts $1: what was last reached, and what became of its
-- messages.
select
    asked.alert as "alert!",
    event.created_at as "reached_at?",
    event.period_end as "period_end?",
    event.share as "share?",
    event.value as "value?",
    told.waiting as "waiting!",
    told.sent as "sent!",
    told.undelivered as "undelivered!",
    told.last_error as "last_error?"
from unnest($1::text[]) as asked (alert)
left join lateral (
    select e.created_at, e.period_end, e.share::float8 as share, e.value::text as value
    from alert_events e
    where e.alert = asked.alert
    order by e.period_start desc, e.share desc
    limit 1
) as event on true
cross join lateral (
    select
        count(*) filter (where o.state = 'waiting') as waiting,
        count(*) filter (where o.state = 'sent') as sent,
        count(*) filter (where o.state = 'undelivered') as undelivered,
        (array_agg(o.last_error order by o.created_at desc)
            filter (where o.state <> 'sent' and o.last_error is not null))[1] as last_error
    from outbox o
    where o.alert = asked.alert
) as told
