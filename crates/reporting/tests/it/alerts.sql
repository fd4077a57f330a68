-- What the alerts of alerts.json came to at 2026-11-25 10:07:30, and one that is
-- no longer set.
insert into budget_periods values
    -- Yesterday is over.
    ('daily_cost', '2026-11-24Z', '2026-11-25Z', 100000000000, 99000000000, 0, null, null),
    ('daily_cost', '2026-11-25Z', '2026-11-26Z', 100000000000, 62500000000, 2000000000, null, null),
    -- What is left is less than the next request needs.
    ('daily_cost-agent-scout', '2026-11-25Z', '2026-11-26Z', 5000000000, 4970000000, 0,
        '2026-11-25T09:30:00Z', null),
    ('weekly_cost-user-ada', '2026-11-23T05:00:00Z', '2026-11-30T05:00:00Z', 500000000000, 512000000001, 0,
        '2026-11-24T20:00:00Z', '2026-11-25T12:00:00Z'),
    ('this hour', '2026-11-25T09:30:00Z', '2026-11-25T10:30:00Z', 1000000000, 1500000000, 0, null, null),
    ('gone', '2026-11-25Z', '2026-11-26Z', 1000000000, 2000000000, 0, null, null);

insert into alert_events
    (alert, period_start, share, kind, period_end, threshold, value, created_at)
values
    ('daily_cost', '2026-11-25Z', 0.5, 'daily_cost', '2026-11-26Z', 100, 50.25, '2026-11-25T08:00:00Z'),
    ('daily_cost-agent-scout', '2026-11-25Z', 0.9, 'daily_cost', '2026-11-26Z', 5, 4.51, '2026-11-25T09:30:00Z'),
    ('errors', '2026-11-25T10:00:00Z', 0.5, 'error_rate', '2026-11-25T11:00:00Z', 0.1, 0.0625, '2026-11-25T10:05:00Z'),
    ('latency_p95-agent-writer', '2026-11-25T07:00:00Z', 1, 'latency_p95', '2026-11-25T08:00:00Z', 2000, 2345.6, '2026-11-25T07:40:00Z'),
    ('gone', '2026-11-24Z', 1, 'unpriced_requests', '2026-11-25Z', 10, 12, '2026-11-24T23:00:00Z');

insert into outbox
    (id, created_at, alert, period_start, share, channel, message, state, attempts, next_at, sent_at, last_error)
select gen_random_uuid(), e.created_at, e.alert, e.period_start, e.share, o.channel, '{}', o.state, o.attempts,
    e.created_at, o.sent_at, o.last_error
from alert_events e
join (values
    ('daily_cost', 'email', 'sent', 2, timestamptz '2026-11-25T08:00:31.5Z', 'connection refused'),
    ('daily_cost-agent-scout', 'slack', 'waiting', 3, null, 'HTTP 503'),
    ('errors', 'email', 'sent', 1, '2026-11-25T10:05:01Z', null),
    ('errors', 'webhook', 'undelivered', 0, null, 'not configured (notifications.webhook)')
) as o (alert, channel, state, attempts, sent_at, last_error) using (alert);
