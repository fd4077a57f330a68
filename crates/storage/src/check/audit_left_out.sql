-- UTC days whose audit events were counted and are gone.
select bucket
from (
    select bucket, min(first_seq) as first_seq, max(last_seq) as last_seq
    from audit_day
    group by bucket
) counted
where not exists (
    select from audit_events
    where seq >= first_seq and seq <= last_seq
      and created_at >= bucket and created_at < bucket + interval '1 day'
)
order by bucket
