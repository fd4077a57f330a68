-- The audit trail becomes a log that shows when it was tampered with: see
-- docs/audit-log.md. Events are numbered by its head instead of a sequence: from
-- 0, without gaps, in the order of their commits.

-- What was recorded before has no text and no proof. It keeps its order, below 0.
alter table audit_events
    add column id      uuid,
    add column outcome text check (outcome in ('success', 'failure', 'denied', 'pending')),
    add column digest  bytea,
    add column body    text,
    alter column seq drop default;

drop sequence audit_events_seq;

do $$
declare
    part  regclass;
    shift bigint := (select max(seq) + 1 from audit_events);
begin
    if shift is null then
        return;
    end if;
    create table audit_events_old (like audit_events including defaults including constraints);
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'audit_events'::regclass
    loop
        execute format(
            'insert into audit_events_old (seq, created_at, category, event, user_id, agent, token, '
            || 'trace_id, subject_id, state, detail) '
            || 'select seq - %s, created_at, category, event, user_id, agent, token, trace_id, '
            || 'subject_id, state, detail from %s', shift, part);
        execute format('truncate %s', part);
    end loop;
    update audit_quarter set first_seq = first_seq - shift, last_seq = last_seq - shift;
    update audit_hour set first_seq = first_seq - shift, last_seq = last_seq - shift;
    update audit_day set first_seq = first_seq - shift, last_seq = last_seq - shift;
    alter table audit_events attach partition audit_events_old for values from (minvalue) to (0);
end
$$;

comment on table audit_events is 'Who did what, when, how; insert-only. Below 0: from before the log, without proof';
comment on column audit_events.seq is 'Its number in the log; given by audit_head';
comment on column audit_events.id is 'UUIDv7; its time is when the event was recorded';
comment on column audit_events.outcome is 'How it ended, in the log''s words; state has the sender''s';
comment on column audit_events.user_id is 'Who did it, by a name of audit_people; before the log, by their own';
comment on column audit_events.digest is 'SHA-256 of the row that tells the whole';
comment on column audit_events.body is 'What was hashed: the canonical text of the other columns';

-- One row: how long the log is, what it takes to append, and a MAC.
create table audit_head (
    one      boolean primary key default true check (one),
    log_id   uuid    not null,
    size     bigint  not null check (size >= 0),
    frontier bytea[] not null,
    mac      bytea   not null
);

comment on table audit_head is 'The end of the audit log; whoever appends locks it, last of all';

create table audit_checkpoints (
    size       bigint      primary key,
    note       text        not null,
    frontier   bytea[]     not null,
    created_at timestamptz not null
);

comment on table audit_checkpoints is 'Signed statements about the first events of the audit log; of older ones the last of a day is kept';

-- After thirty days the last checkpoint of a UTC day says enough, besides those where
-- partitions end, at which retention may cut the log.
create function audit_checkpoint_superfluous(it audit_checkpoints) returns boolean
language sql volatile as $$
    select it.size % 10000000 <> 0
        and it.created_at < now() - interval '30 days'
        and exists (
            select from audit_checkpoints later
            where later.size > it.size
                and (later.created_at at time zone 'UTC')::date = (it.created_at at time zone 'UTC')::date
        )
$$;

-- The log names people by what can be forgotten: a hash of a salt and their name.
create table audit_people (
    pseudonym text        primary key,
    name      text        not null unique,
    salt      bytea,
    erased_at timestamptz
);

create sequence erased_people as bigint;

comment on table audit_people is 'Who the people in the audit log are, until they are erased';
comment on column audit_people.name is 'Their name; erased-<n> once it was erased';
comment on column audit_people.salt is 'Without it nobody can tell whose the pseudonym is';

-- The trail with the names of people in their places.
create view audit_trail as
select
    e.seq, e.id, e.created_at, e.category, e.event, e.outcome,
    coalesce(p.name, e.user_id) as user_id,
    e.agent, e.token, e.trace_id, e.subject_id, e.state,
    case when s.name is null then e.detail
         else jsonb_set(e.detail, '{user}', to_jsonb(s.name)) end as detail
from audit_events e
left join audit_people p on p.pseudonym = e.user_id
left join audit_people s on s.pseudonym = e.detail ->> 'user';

comment on view audit_trail is 'audit_events, with the names of people';

-- A fence; the proof is the tree. Retention drops whole partitions.
create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception '% is insert-only: % is refused', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege',
              hint = 'Retention removes what is older than analytics.audit_retention_days.';
end
$$;

create trigger audit_events_insert_only before update or delete on audit_events
    for each row when (old.seq >= 0) execute function audit_refuse();
create trigger audit_events_no_truncate before truncate on audit_events
    for each statement execute function audit_refuse();
create trigger audit_checkpoints_insert_only before update on audit_checkpoints
    for each row execute function audit_refuse();
create trigger audit_checkpoints_stay before delete on audit_checkpoints
    for each row when (not audit_checkpoint_superfluous(old)) execute function audit_refuse();
create trigger audit_checkpoints_no_truncate before truncate on audit_checkpoints
    for each statement execute function audit_refuse();
create trigger audit_head_stays before delete on audit_head
    for each row execute function audit_refuse();
create trigger audit_head_no_truncate before truncate on audit_head
    for each statement execute function audit_refuse();

-- Partitions are truncated by their own names; those made later get theirs then.
do $$
declare
    part regclass;
begin
    for part in select inhrelid::regclass from pg_inherits
        where inhparent = 'audit_events'::regclass
    loop
        execute format(
            'create trigger audit_events_no_truncate before truncate on %s '
            || 'for each statement execute function audit_refuse()', part);
    end loop;
end
$$;

-- Partitions belong to the owner of the tables, whoever needs them: the role that
-- servers run as may make them, and nothing else.
create function make_day(parent text, day date) returns void
language plpgsql security definer set search_path from current as $$
begin
    if parent = 'audit_events' or not exists (
        select from pg_partitioned_table where partrelid = to_regclass(quote_ident(parent))
    ) then
        raise exception '% has no days', parent using errcode = 'insufficient_privilege';
    end if;
    execute format(
        'create table if not exists %I partition of %I for values from (%L) to (%L)',
        parent || to_char(day, '_YYYYMMDD'), parent, day || ' 00:00+00', day + 1 || ' 00:00+00');
end
$$;

-- Two unused partitions are kept ahead of the head.
create function extend_audit() returns void
language plpgsql security definer set search_path from current as $$
declare
    last bigint := (select size / 10000000 from audit_head);
begin
    for n in coalesce(last, 0) .. coalesce(last, 0) + 2 loop
        if to_regclass('audit_events_p' || n) is null then
            execute format(
                'create table audit_events_p%s partition of audit_events for values from (%s) to (%s)',
                n, n::bigint * 10000000, (n::bigint + 1) * 10000000);
            execute format(
                'create trigger audit_events_no_truncate before truncate on audit_events_p%s '
                || 'for each statement execute function audit_refuse()', n);
        end if;
    end loop;
end
$$;

revoke execute on function make_day(text, date), extend_audit() from public;
