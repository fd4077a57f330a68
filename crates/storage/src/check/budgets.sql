-- Accounts of the budget $1 that are not the sum over `ai_requests`, and what was imported, of the
-- provider $2, the model $3, the agent $4 and the user $5, where these are given.
-- Periods of which sampling left detail out, or retention removed some, cannot be
-- compared.
with sums as (
    select
        p.period_start,
        p.spent_nanos as found,
        (
            select coalesce(sum(r.cost_nanos), 0)::bigint
            from ai_requests r
            where r.created_at >= p.period_start and r.created_at < p.period_end
              and ($2::text is null or r.provider = $2)
              and ($3::text is null or r.requested_model = $3 or r.served_model = $3)
              and ($4::text is null or r.agent = $4)
              and ($5::text is null or r.user_id = $5)
        ) + (
            select coalesce(sum(i.cost_nanos), 0)::bigint
            from imported_hours i
            where i.at >= p.period_start and i.at < p.period_end
              and i.began_at > p.period_start - interval '24 hours' and i.began_at < p.period_end
              and ($2::text is null or i.provider = $2)
              and ($3::text is null or i.model = $3)
              and ($4::text is null or i.agent = $4)
              and ($5::text is null or i.user_id = $5)
        ) as expected
    from budget_periods p
    where p.budget = $1
      and not exists (
          select from retained
          where what = 'detail' and p.period_start < kept_from
      )
      and not exists (
          select from seen_ids s
          where s.source = 'request'
            and s.created_at >= p.period_start and s.created_at < p.period_end
      )
)
select
    concat_ws(' ', $1::text, period_start) as key,
    jsonb_build_object('spent_nanos', expected) as expected,
    jsonb_build_object('spent_nanos', found) as found
from sums
where found <> expected
order by period_start
