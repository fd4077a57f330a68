//! `alerts history`: what alerts reached, and whom they told.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use systemprompt_config::{Alert, AlertType};
use time::OffsetDateTime;

use super::{figure, unit, unknown};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{Page, PeriodArgs};
use crate::query::{Answer, PeriodUsed, Query};
use crate::questions::overview::Figure;

/// What alerts reached and whom they told, the newest first
///
/// Each part of a threshold is reached once in a period. A message is waiting,
/// sent, or undelivered: then its channel is not configured or refused it for
/// good.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct History {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only this alert (can be repeated)
    #[arg(long = "alert", value_name = "NAME")]
    #[serde(default, rename = "alert")]
    pub alerts: Vec<String>,
}

/// A part of a threshold that was reached.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryRow {
    /// The alert's name
    pub alert: String,
    /// When it was reached
    pub reached_at: Time,
    /// The part of the threshold that was reached
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: f64,
    /// What was measured
    pub value: Figure,
    /// The whole threshold
    pub threshold: Figure,
    /// What value and threshold count: usd, ratio, ms or count
    pub unit: &'static str,
    /// The messages about it
    pub deliveries: Vec<Delivery>,
    /// What the alert watches
    #[serde(rename = "type")]
    pub kind: String,
    /// When the period began that was measured
    pub period_start: Time,
    /// When it ended or ends
    pub period_end: Time,
}

/// A message about an alert.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// How it goes: email, webhook, discord or slack
    pub channel: String,
    /// What became of it: waiting, sent or undelivered
    pub state: String,
    /// How often it was tried
    #[schemars(extend("x-unit" = "count"))]
    pub attempts: i64,
    /// When it was delivered
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub sent_at: Option<String>,
    /// Why it was not
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// An event as it is stored.
#[derive(Debug)]
struct Stored {
    alert: String,
    kind: String,
    share: f64,
    threshold: String,
    value: String,
    period_start: OffsetDateTime,
    period_end: OffsetDateTime,
    created_at: OffsetDateTime,
    deliveries: Json<Vec<Delivery>>,
}

impl From<Stored> for HistoryRow {
    fn from(stored: Stored) -> Self {
        // A kind that a newer version stored is no money.
        let kind = serde_json::from_value::<AlertType>(stored.kind.as_str().into());
        let unit = kind.map_or("ratio", unit);
        let number = |text: String| figure(unit, text.parse().unwrap_or(Decimal::ZERO));
        Self {
            alert: stored.alert,
            reached_at: stored.created_at.into(),
            share: stored.share,
            value: number(stored.value),
            threshold: number(stored.threshold),
            unit,
            deliveries: stored.deliveries.0,
            kind: stored.kind,
            period_start: stored.period_start.into(),
            period_end: stored.period_end.into(),
        }
    }
}

impl Query for History {
    type Row = HistoryRow;
    const PATH: &'static [&'static str] = &["alerts", "history"];
    const IN_DOLLARS: bool = true;

    async fn run(&self, ctx: &Ctx) -> Result<Answer<HistoryRow>> {
        let (now, zone) = (ctx.clock.now(), &self.period.timezone);
        let interval = self.period.period().resolve(now, zone)?;
        let visible: Vec<String> = ctx.visible_alerts().map(Alert::name).collect();
        // An operator also sees what alerts reached that are no longer set.
        let only = ctx.scope.only_agent().map(|_| visible.as_slice());
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/alerts/history.sql",
            interval.since,
            interval.until,
            only,
            &self.alerts,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let rows: Vec<HistoryRow> = rows.into_iter().map(HistoryRow::from).collect();
        if rows.is_empty()
            && let Some(name) = self.alerts.iter().find(|name| !visible.contains(name))
        {
            return Err(unknown(ctx, name));
        }
        let none = "no alert was reached in the period; --since 30d asks about a longer one";
        let note = rows.is_empty().then(|| none.to_owned());
        let period = PeriodUsed {
            since: interval.since.into(),
            until: interval.until.into(),
            timezone: zone.to_string(),
        };
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(period)
            .with_note(note))
    }
}
