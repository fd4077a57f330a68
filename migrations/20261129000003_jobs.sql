-- Jobs: what servers do by themselves, each time once however many servers there are.
create table jobs (
    name              text        primary key,
    enabled           boolean,
    scheduled_through timestamptz not null
) with (fillfactor = 70);

comment on table jobs is 'What is known of each job besides its configuration; its row is locked while somebody decides what to run';
comment on column jobs.enabled is 'The operator''s word; null: the configuration decides';
comment on column jobs.scheduled_through is 'Slots up to and including this time were run, or passed over';

create table job_runs (
    id          uuid        primary key,
    job         text        not null,
    slot        timestamptz not null,
    state       text        not null check (state in ('running', 'waiting', 'succeeded', 'failed', 'lost')),
    attempt     integer     not null,
    failures    integer     not null default 0,
    holder      uuid        not null,
    by_name     text,
    trace_id    uuid        not null,
    started_at  timestamptz not null,
    lease_until timestamptz not null,
    next_at     timestamptz,
    finished_at timestamptz,
    result_rows bigint,
    result      text,
    error       text,
    unique (job, slot)
) with (fillfactor = 70);

create index job_runs_open on job_runs (job) where state in ('running', 'waiting');
create index job_runs_started on job_runs (started_at);

comment on table job_runs is 'One row for each time that a job was due: the row is the permission to run it';
comment on column job_runs.slot is 'The time at which it was due, by its schedule or by the word of an operator';
comment on column job_runs.state is 'waiting: to be tried again; lost: its server died and it is not made up';
comment on column job_runs.attempt is 'How often it was begun; who finishes it has to know the number';
comment on column job_runs.holder is 'The process that runs it';
comment on column job_runs.by_name is 'Who asked for it; null: the schedule';
comment on column job_runs.lease_until is 'Without a sign of life until then the process is taken for dead';
