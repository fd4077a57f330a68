-- Audit events of [$1, $2).
declare rows no scroll cursor for
select row_to_json(r)::text
from (
    select
        seq, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
        category, event, outcome, user_id as "user", agent, token,
        replace(trace_id::text, '-', '') as trace_id, subject_id, state, detail
    from audit_trail
    where created_at >= $1::timestamptz and created_at < $2::timestamptz
    order by seq
) as r
