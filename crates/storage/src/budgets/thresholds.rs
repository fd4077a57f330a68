//! Thresholds: each share of each alert is told once a period. A row of
//! `alert_events` decides; who inserts it also queues what is to be sent.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_budgets::Rule;
use systemprompt_config::{Action, Alert, AlertScope, AlertType};
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// An alert, as far as it is told.
#[derive(Clone, Debug)]
pub(super) struct Watched<'a> {
    name: String,
    kind: AlertType,
    scope: Option<&'a AlertScope>,
    threshold: Decimal,
    timezone: String,
    actions: &'a [Action],
}

impl<'a> From<&'a Rule> for Watched<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self {
            name: rule.name.clone(),
            kind: rule.kind,
            scope: rule.scope.as_ref(),
            threshold: rule.limit.to_usd(),
            timezone: rule.zone.to_string(),
            actions: &rule.actions,
        }
    }
}

impl<'a> From<&'a Alert> for Watched<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            name: alert.name(),
            kind: alert.kind,
            scope: alert.scope.as_ref(),
            threshold: alert.threshold.normalize(),
            timezone: alert.timezone.clone(),
            actions: &alert.action,
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) period: Interval,
    /// In the threshold's unit.
    pub(super) value: Decimal,
    /// Until when requests are refused because of it, if they are.
    pub(super) paused_until: Option<OffsetDateTime>,
    pub(super) at: OffsetDateTime,
}

impl Watched<'_> {
    /// Tells those of the shares that were not told yet in this period.
    pub(super) async fn tell(
        &self,
        db: &mut PgConnection,
        measured: &Measured,
        shares: impl IntoIterator<Item = Decimal>,
    ) -> Result<(), sqlx::Error> {
        for share in shares.into_iter().map(|share| share.normalize()) {
            let new = sqlx::query(
                "insert into alert_events \
                     (alert, period_start, share, kind, period_end, threshold, value, created_at) \
                 values ($1, $2, $3::numeric, $4, $5, $6::numeric, $7::numeric, $8) \
                 on conflict (alert, period_start, share) do nothing",
            )
            .bind(&self.name)
            .bind(measured.period.since)
            .bind(share.to_string())
            .bind(self.kind.as_str())
            .bind(measured.period.until)
            .bind(self.threshold.to_string())
            .bind(measured.value.to_string())
            .bind(measured.at)
            .execute(&mut *db)
            .await?;
            if new.rows_affected() == 1 {
                self.queue(db, measured, share).await?;
            }
        }
        Ok(())
    }

    /// Queues a message for every channel; whether one is configured shows when
    /// it is delivered.
    async fn queue(
        &self,
        db: &mut PgConnection,
        measured: &Measured,
        share: Decimal,
    ) -> Result<(), sqlx::Error> {
        for channel in self.actions.iter().copied().filter_map(channel) {
            let id = Uuid::now_v7();
            sqlx::query(
                "insert into outbox \
                     (id, created_at, alert, period_start, share, channel, message, state, next_at) \
                 values ($1, $2, $3, $4, $5::numeric, $6, $7, 'waiting', $2) \
                 on conflict (alert, period_start, share, channel) do nothing",
            )
            .bind(id)
            .bind(measured.at)
            .bind(&self.name)
            .bind(measured.period.since)
            .bind(share.to_string())
            .bind(channel)
            .bind(self.message(id, measured, share))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }

    fn message(&self, id: Uuid, measured: &Measured, share: Decimal) -> Value {
        let scope = self.scope.map(|scope| {
            let (dimension, name) = scope.parts();
            format!("{dimension} {name}")
        });
        json!({
            "id": id,
            "at": stamp(measured.at),
            "alert": self.name,
            "kind": self.kind.as_str(),
            "scope": scope,
            "period": interval(measured.period),
            "share": share,
            "threshold": self.threshold,
            "value": measured.value,
            "unit": unit(self.kind),
            "timezone": self.timezone,
            "paused_until": measured.paused_until.map(stamp),
        })
    }
}

/// A period as messages and audit events state it.
pub(super) fn interval(period: Interval) -> Value {
    json!({ "since": stamp(period.since), "until": stamp(period.until) })
}

/// A moment as messages and audit events state it.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .expect("years have four digits: the calendar ends with 9999")
}

const fn channel(action: Action) -> Option<&'static str> {
    match action {
        Action::Email => Some("email"),
        Action::Webhook => Some("webhook"),
        Action::Discord => Some("discord"),
        Action::Slack => Some("slack"),
        Action::PauseRequests => None,
    }
}

const fn unit(kind: AlertType) -> &'static str {
    match kind {
        AlertType::HourlyCost
        | AlertType::DailyCost
        | AlertType::WeeklyCost
        | AlertType::MonthlyCost => "usd",
        AlertType::ErrorRate => "share",
        AlertType::LatencyP95 => "milliseconds",
        AlertType::UnpricedRequests => "requests",
    }
}
