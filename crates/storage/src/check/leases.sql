-- Accounts whose lease is not the sum of what servers hold.
with sums as (
    select budget, period_start, sum(leased_nanos)::bigint as leased_nanos
    from budget_leases
    group by budget, period_start
)
select
    concat_ws(' ', budget, period_start) as key,
    jsonb_build_object('leased_nanos', coalesce(s.leased_nanos, 0)) as expected,
    jsonb_build_object('leased_nanos', p.leased_nanos) as found
from budget_periods p
full join sums s using (budget, period_start)
where p.leased_nanos is distinct from coalesce(s.leased_nanos, 0)
order by key
