-- Books costs, and what leaves the leases of the spool $6, in locked accounts.
with booking as (
    select *
    from unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[])
        as b (budget, period_start, cost, released, limit_nanos)
),
held as (
    select l.budget, l.period_start, least(l.leased_nanos, b.released) as amount
    from booking b
    join budget_leases l using (budget, period_start)
    where l.spool_id = $6
),
lease as (
    update budget_leases l
    set leased_nanos = l.leased_nanos - h.amount
    from held h
    where l.budget = h.budget and l.period_start = h.period_start and l.spool_id = $6
      and h.amount <> 0
)
update budget_periods p
set spent_nanos = p.spent_nanos + b.cost,
    leased_nanos = p.leased_nanos - coalesce(h.amount, 0),
    limit_nanos = coalesce(b.limit_nanos, p.limit_nanos),
    paused_at = case when b.limit_nanos > p.limit_nanos then null else p.paused_at end
from booking b
left join held h using (budget, period_start)
where p.budget = b.budget and p.period_start = b.period_start
