-- Conversations that are not the sums over `ai_requests`. Whose they are is
-- left out: it is what the request said that was stored first. So are those
-- that touch a day of $1.
with expected as (
    select
        conversation_id,
        min(created_at) as first_at,
        max(created_at) as last_at,
        count(*) as requests,
        sum(input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input)
            as input_tokens,
        sum(output + reasoning + audio_output) as output_tokens,
        coalesce(sum(cost_nanos), 0) as cost_nanos,
        count(*) filter (where usage_source <> 'none' and cost_nanos is null) as unpriced
    from ai_requests
    where conversation_id is not null
    group by conversation_id
),
found as (
    select
        conversation_id, first_at, last_at, requests, input_tokens, output_tokens, cost_nanos,
        unpriced
    from conversations
)
select
    conversation_id as key,
    to_jsonb(e) as expected,
    to_jsonb(f) as found
from expected e
full join found f using (conversation_id)
where to_jsonb(e) is distinct from to_jsonb(f)
  and not exists (
      select from unnest($1::timestamptz[]) as day
      where least(e.first_at, f.first_at) < day + interval '1 day'
        and greatest(e.last_at, f.last_at) >= day
  )
order by key
