-- Budgets and alerts: what was spent, what is lent to servers, what was told.

create table budget_periods (
    budget        text        not null,
    period_start  timestamptz not null,
    period_end    timestamptz not null,
    limit_nanos   bigint      not null,
    spent_nanos   bigint      not null,
    leased_nanos  bigint      not null,
    paused_at     timestamptz,
    resumed_until timestamptz,
    primary key (budget, period_start)
) with (fillfactor = 70);

comment on table budget_periods is 'What each budget spent and lent in each of its periods; settled in the transaction that stores the requests';
comment on column budget_periods.limit_nanos is 'The limit as it was configured when the row was last written';
comment on column budget_periods.leased_nanos is 'What servers hold: the sum over budget_leases';
comment on column budget_periods.paused_at is 'When the first request was refused for good, or the limit was reached';
comment on column budget_periods.resumed_until is 'Until when somebody lifted the limit';

create table budget_leases (
    budget       text        not null,
    period_start timestamptz not null,
    spool_id     uuid        not null,
    leased_nanos bigint      not null,
    primary key (budget, period_start, spool_id)
) with (fillfactor = 70);

comment on table budget_leases is 'What each server holds of a budget: reserved for requests whose end is not stored yet, and not yet used';
comment on column budget_leases.spool_id is 'The server, by its spool: who drains the spool settles what it held';

create table alert_events (
    alert        text        not null,
    period_start timestamptz not null,
    share        numeric     not null,
    kind         text        not null,
    period_end   timestamptz not null,
    threshold    numeric     not null,
    value        numeric     not null,
    created_at   timestamptz not null,
    primary key (alert, period_start, share)
);

create index alert_events_created on alert_events (created_at);

comment on table alert_events is 'Every threshold that was reached, once per period';
comment on column alert_events.share is 'The part of the threshold that was reached';
comment on column alert_events.value is 'What was measured: US dollars, a share, milliseconds or requests';

create table outbox (
    id           uuid        primary key,
    created_at   timestamptz not null,
    alert        text        not null,
    period_start timestamptz not null,
    share        numeric     not null,
    channel      text        not null check (channel in ('email', 'webhook', 'discord', 'slack')),
    message      jsonb       not null,
    state        text        not null check (state in ('waiting', 'sent', 'undelivered')),
    attempts     integer     not null default 0,
    next_at      timestamptz not null,
    sent_at      timestamptz,
    last_error   text,
    unique (alert, period_start, share, channel)
);

create index outbox_waiting on outbox (next_at) where state = 'waiting';

comment on table outbox is 'What is to be told, by which channel: written with the alert event, delivered at least once';
comment on column outbox.state is 'undelivered: the channel is not configured, or refused it for good';
