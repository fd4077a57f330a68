-- Conversations added up where they began.
delete from conversation_hour;
delete from conversation_day;

insert into conversation_hour
select
    cube, date_bin('1 hour', first_at, 'epoch'),
    case when cube = 'agent' then coalesce(agent, '') else '' end, count(*),
    count(*) filter (where derived), sum(requests), sum(input_tokens), sum(output_tokens),
    sum(cost_nanos), sum(extract(epoch from last_at - first_at) * 1000000), sum(unpriced)
from conversations
cross join unnest(array['total', 'agent']) as cube
group by 1, 2, 3;

insert into conversation_day
select
    cube, date_bin('1 day', bucket, 'epoch'), agent, sum(conversations), sum(derived), sum(requests),
    sum(input_tokens), sum(output_tokens), sum(cost_nanos), sum(duration_us), sum(unpriced)
from conversation_hour
group by 1, 2, 3;
