-- Audit events from before the log, which have no proof: one for every second
-- request of the stretch, and a few of the other kinds.
insert into audit_events (
    seq, created_at, category, event, user_id, agent, token, trace_id, subject_id, state, detail
)
select
    (:part - 90) * (:rows / 45) + row_number() over (order by created_at), created_at, category, event,
    user_id, agent, token, trace_id, id, state, detail
from (
    select
        created_at, 'ai_operations' as category,
        case when state = 'completed' then 'request_completed' else 'request_failed' end as event,
        user_id, agent, token, trace_id, id, state, null::jsonb as detail
    from ai_requests
    where created_at >= :begin and created_at < :end and uuid_hash(id) % 2 = 0
    union all
    select
        created_at,
        (array['authentication', 'authorization', 'data_access', 'administration'])[1 + abs(uuid_hash(id)) / 1000 % 4],
        (array['login', 'token_refused', 'export', 'token_created'])[1 + abs(uuid_hash(id)) / 1000 % 4],
        user_id, agent, token, null, null, 'success', '{"count": 1}'
    from ai_requests
    where created_at >= :begin and created_at < :end and uuid_hash(id) % 1000 = 7
) as events
order by created_at;
