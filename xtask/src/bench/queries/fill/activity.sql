-- What people did in the stretch, a tenth as much as they asked.
select setseed(:part / 100.0);

insert into user_activity (
    id, created_at, category, action, entity_type, entity_name, user_id, agent, token, trace_id
)
select
    bench_v7(ms), timestamptz 'epoch' + ms * interval '1 millisecond', category,
    case when fate < 0.02 then 'failed' else 'executed' end,
    case category when 'skill_usage' then 'skill' when 'marketplace_edit' then 'plugin' when 'tool_usage' then 'tool' end,
    case category
        when 'skill_usage' then 'skill-' || person % 80
        when 'marketplace_edit' then 'plugin-' || person % 40
        when 'tool_usage' then 'tool_' || person % 60
    end,
    'user-' || lpad(person::text, 4, '0') || '@example.com',
    'agent-' || lpad((person * 7 % 200)::text, 3, '0'), 'token', null
from (
    select
        (date_part('epoch', :begin::timestamptz) * 1000 + 86400000 * (n + random()) / (:rows / 900))::bigint as ms,
        floor(5000 * pow(random(), 2.5))::int as person, random() as fate,
        (array['prompt', 'prompt', 'tool_usage', 'tool_usage', 'skill_usage', 'session', 'login',
            'marketplace_edit'])[1 + floor(8 * random())::int] as category
    from generate_series(0, :rows / 900 - 1) as n
) as done
order by ms;

insert into logs (id, created_at, level, target, message, trace_id, request_id)
select bench_v7((date_part('epoch', finished_at) * 1000)::bigint), finished_at, 'warn', 'gateway',
    'the provider refused a request', trace_id, id
from ai_requests
where created_at >= :begin and created_at < :end and state = 'failed' and finished_at < :now;
