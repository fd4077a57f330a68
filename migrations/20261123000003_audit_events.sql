-- The audit trail. Partitions are ranges of the sequence number, made ahead.

create sequence audit_events_seq as bigint;

create table audit_events (
    seq        bigint      not null default nextval('audit_events_seq'),
    created_at timestamptz not null,
    category   text        not null check (category in (
        'authentication', 'authorization', 'ai_operations', 'data_access', 'administration', 'mcp_tools')),
    event      text        not null,
    user_id    text,
    agent      text,
    token      text,
    trace_id   uuid,
    subject_id uuid,
    state      text,
    detail     jsonb,
    primary key (seq)
) partition by range (seq);

alter sequence audit_events_seq owned by audit_events.seq;
create index audit_events_trace on audit_events (trace_id);

comment on table audit_events is 'Who did what, when, how; insert-only';
comment on column audit_events.subject_id is 'What the event is about: for ai_operations the request''s id';
comment on column audit_events.state is 'How it ended, where that can differ';

create table audit_events_p0 partition of audit_events for values from (0) to (10000000);
