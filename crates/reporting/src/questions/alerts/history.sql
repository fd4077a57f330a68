-- What alerts reached in [$1, $2), the newest first, with what became of their
-- messages. $3: the alerts that may be seen, null for all; $4: those asked for.
select
    e.alert,
    e.kind,
    e.share::float8 as "share!",
    e.threshold::text as "threshold!",
    e.value::text as "value!",
    e.period_start,
    e.period_end,
    e.created_at,
    (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'channel', o.channel,
            'state', o.state,
            'attempts', o.attempts,
            'sent_at', to_char(o.sent_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
            'last_error', o.last_error
        )) order by o.channel), '[]')
        from outbox o
        where o.alert = e.alert and o.period_start = e.period_start and o.share = e.share
    ) as "deliveries!: Json<Vec<Delivery>>"
from alert_events e
where e.created_at >= $1 and e.created_at < $2
  and ($3::text[] is null or e.alert = any ($3))
  and (cardinality($4::text[]) = 0 or e.alert = any ($4))
order by e.created_at desc, e.alert, e.share desc
limit $5
