-- What is not cut by days.
insert into conversations (
    conversation_id, derived, agent, user_id, first_at, last_at, requests, input_tokens,
    output_tokens, cost_nanos, unpriced
)
select
    conversation_id, true, min(agent), min(user_id), min(created_at), max(created_at), count(*),
    sum(input + cache_read), sum(output), coalesce(sum(cost_nanos), 0),
    count(*) filter (where usage_source <> 'none' and cost_nanos is null)
from ai_requests
group by conversation_id;

insert into conversation_hour
select
    cube, date_bin('1 hour', first_at, 'epoch'), case when cube = 'agent' then agent else '' end,
    count(*), count(*), sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_nanos),
    sum(extract(epoch from last_at - first_at) * 1000000), sum(unpriced)
from conversations
cross join unnest(array['total', 'agent']) as cube
group by 1, 2, 3;

insert into conversation_day
select
    cube, date_bin('1 day', bucket, 'epoch'), agent, sum(conversations), sum(derived), sum(requests),
    sum(input_tokens), sum(output_tokens), sum(cost_nanos), sum(duration_us),
    sum(unpriced)
from conversation_hour
group by 1, 2, 3;

insert into content_items (id, site, path, title, kind, origin, created_at, updated_at)
select gen_random_uuid(), 'example.com', '/page-' || lpad(n::text, 4, '0'), 'Page ' || n, 'article', 'registered', :now, :now
from generate_series(0, 199) as n;

insert into mcp_tool_definitions (server, tool, hash, first_seen, last_seen)
select distinct server, tool, md5(tool), :now::timestamptz - interval '90 days', :now::timestamptz
from mcp_tool_executions;

insert into retained (what, kept_from)
values ('quarters', date_trunc('day', :now::timestamptz at time zone 'UTC') at time zone 'UTC' - interval '8 days');

insert into agents (name, created_at) select distinct agent, :now::timestamptz from conversations;
