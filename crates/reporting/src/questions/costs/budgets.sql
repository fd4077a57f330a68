-- What the budgets $1 spent and lent in their periods, which begin at $2.
select
    kept.budget as "budget!",
    kept.limit_nanos as "limit_nanos!",
    kept.spent_nanos as "spent_nanos!",
    kept.leased_nanos as "leased_nanos!",
    kept.paused_at as "paused_at?",
    kept.resumed_until as "resumed_until?"
from unnest($1::text[], $2::timestamptz[]) as asked (budget, period_start)
join budget_periods kept using (budget, period_start)
