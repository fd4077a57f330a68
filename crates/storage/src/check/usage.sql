-- Rows of one grain of `usage` that are not the sums over `ai_requests` and what was imported.
-- $1 the grain, $2 the width of its buckets, $3 the days that are left
-- out, $4 its cubes, $5 and $6 the moments in between of which rows are compared.
with cubes (cube, by_model, by_agent, by_user) as (
    values
        ('total', false, false, false),
        ('model', true, false, false),
        ('agent', false, true, false),
        ('agent_model', true, true, false),
        ('user', false, false, true),
        ('full', true, true, true)
),
requests as (
    select
        date_bin($2::interval, created_at, timestamptz 'epoch') as bucket,
        provider,
        coalesce(served_model, requested_model, '') as model,
        coalesce(agent, '') as agent,
        coalesce(user_id, '') as user_id,
        1 as n,
        state,
        streamed,
        input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input,
        output, reasoning, audio_output,
        cost_nanos,
        usage_source <> 'none' as stated,
        -- A refusal is not billed; anything else without usage may have been.
        state = 'paused' or coalesce(http_status >= 400, false) as refused,
        case when state = 'completed' then latency_us end as latency_us,
        case when state = 'completed' then ttfb_us end as ttfb_us
    from ai_requests
    where date_bin(interval '1 day', created_at, timestamptz 'epoch') <> all($3)
      and created_at >= $5 and created_at < $6
    union all
    select
        date_bin($2::interval, at, timestamptz 'epoch'), provider, model,
        coalesce(agent, ''), coalesce(user_id, ''), requests, 'completed', false,
        input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input,
        output, reasoning, audio_output, cost_nanos, true, false, null, null
    from imported_hours
    where date_bin(interval '1 day', at, timestamptz 'epoch') <> all($3)
      and at >= $5 and at < $6
      and began_at > $5 - interval '24 hours' and began_at < $6
),
sliced as (
    select
        -- Quarters are kept once, with every dimension and without a name.
        case when $1 = 'quarter' then '' else c.cube end as cube,
        r.bucket,
        case when c.by_model then r.provider else '' end as provider,
        case when c.by_model then r.model else '' end as model,
        case when c.by_agent then r.agent else '' end as agent,
        case when c.by_user then r.user_id else '' end as user_id,
        r.n, r.state, r.streamed, r.stated, r.refused, r.latency_us, r.ttfb_us, r.cost_nanos,
        r.input, r.cache_read, r.cache_write_5m, r.cache_write_1h, r.audio_input, r.tool_input,
        r.output, r.reasoning, r.audio_output,
        r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h + r.audio_input
            + r.tool_input + r.output + r.reasoning + r.audio_output as tokens
    from requests r
    cross join cubes c
    where c.cube = any($4)
),
expected as (
    select
        cube, bucket, provider, model, agent, user_id,
        sum(n) as requests,
        coalesce(sum(n) filter (where state = 'completed'), 0) as completed,
        coalesce(sum(n) filter (where state = 'failed'), 0) as failed,
        coalesce(sum(n) filter (where state = 'client_disconnect'), 0) as client_disconnect,
        coalesce(sum(n) filter (where state = 'upstream_timeout'), 0) as upstream_timeout,
        coalesce(sum(n) filter (where state = 'paused'), 0) as paused,
        coalesce(sum(n) filter (where state = 'shutdown'), 0) as shutdown,
        coalesce(sum(n) filter (where state = 'lost'), 0) as lost,
        coalesce(sum(n) filter (where streamed), 0) as streamed,
        sum(input) as input,
        sum(cache_read) as cache_read,
        sum(cache_write_5m) as cache_write_5m,
        sum(cache_write_1h) as cache_write_1h,
        sum(audio_input) as audio_input,
        sum(tool_input) as tool_input,
        sum(output) as output,
        sum(reasoning) as reasoning,
        sum(audio_output) as audio_output,
        coalesce(sum(cost_nanos), 0) as cost_nanos,
        coalesce(sum(n) filter (where stated and cost_nanos is null), 0) as unpriced,
        coalesce(sum(tokens) filter (where stated and cost_nanos is null), 0) as unpriced_tokens,
        coalesce(sum(n) filter (where not stated and not refused), 0) as without_usage,
        coalesce(sum(latency_us), 0) as latency_us,
        count(latency_us) as latency_n,
        coalesce(sum(ttfb_us), 0) as ttfb_us,
        count(ttfb_us) as ttfb_n
    from sliced
    group by cube, bucket, provider, model, agent, user_id
),
found as (
    select * from usage
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $5 and bucket < $6
)
select
    concat_ws(' ', nullif(cube, ''), bucket, provider, model, agent, user_id) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) - 'grain' as found
from expected e
full join found f using (cube, bucket, provider, model, agent, user_id)
where to_jsonb(e) is distinct from to_jsonb(f) - 'grain'
order by key
