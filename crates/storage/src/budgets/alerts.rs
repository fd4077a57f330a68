//! Alerts that are no budgets: errors and latencies of the current hour, and
//! requests without a price of the current day.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use sqlx::{PgConnection, PgPool};
use systemprompt_config::{Alert, AlertType};
use systemprompt_domain::histogram::quantile;
use systemprompt_domain::period::{Interval, Step, Zone};
use time::OffsetDateTime;

use super::rollups::{self, Columns};
use super::thresholds::{Measured, Watched};

/// Of fewer requests, a share or a percentile says nothing.
const ENOUGH: i64 = 20;

/// Measures what alerts watch, and tells the thresholds that are reached, each
/// once in its hour or day. Alerts on costs are left to the budgets.
///
/// # Errors
/// When the database fails; what was told before stays told.
pub async fn evaluate(
    pool: &PgPool,
    alerts: &[Alert],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    for alert in alerts {
        let Some(period) = period(alert, now) else {
            continue;
        };
        let mut tx = pool.begin().await?;
        if let Some(value) = measure(&mut tx, alert, period, now).await? {
            let shares = alert.notify_at.iter().copied();
            let reached =
                shares.filter(|share| !value.is_zero() && value >= alert.threshold * *share);
            let measured = Measured {
                period,
                value,
                paused_until: None,
                at: now,
            };
            Watched::from(alert)
                .tell(&mut tx, &measured, reached)
                .await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// The hour or day that an alert watches now.
fn period(alert: &Alert, now: OffsetDateTime) -> Option<Interval> {
    let step = match alert.kind {
        AlertType::ErrorRate | AlertType::LatencyP95 => Step::Hour,
        AlertType::UnpricedRequests => Step::Day,
        AlertType::HourlyCost
        | AlertType::DailyCost
        | AlertType::WeeklyCost
        | AlertType::MonthlyCost => return None,
    };
    let zone: Zone = alert.timezone.parse().ok()?;
    step.around(now, &zone)
}

/// What the alert compares with its threshold, in the threshold's unit; `None`
/// if there is too little to judge by.
async fn measure(
    db: &mut PgConnection,
    alert: &Alert,
    period: Interval,
    now: OffsetDateTime,
) -> Result<Option<Decimal>, sqlx::Error> {
    if alert.kind == AlertType::LatencyP95 {
        return latency_p95(db, alert, period).await;
    }
    let usage = rollups::usage(db, alert.scope.as_ref(), period, now).await?;
    if alert.kind == AlertType::UnpricedRequests {
        return Ok(Some(usage.unpriced.into()));
    }
    let share = Decimal::from(usage.errors).checked_div(usage.tried.into());
    Ok(share
        .filter(|_| usage.tried >= ENOUGH)
        .map(|share| share.round_dp(6).normalize()))
}

/// In milliseconds. Latencies are not kept by user: such an alert is never set
/// off.
async fn latency_p95(
    db: &mut PgConnection,
    alert: &Alert,
    period: Interval,
) -> Result<Option<Decimal>, sqlx::Error> {
    let columns = Columns::from(alert.scope.as_ref());
    if columns.user.is_some() {
        return Ok(None);
    }
    let slots: Vec<(i16, i64)> = sqlx::query_as(
        "select slot, sum(n)::bigint from latency_quarter \
         where bucket >= $1 and bucket < $2 \
           and ($3::text is null or provider = $3) \
           and ($4::text is null or model = $4) \
           and ($5::text is null or agent = $5) \
         group by slot \
         order by slot",
    )
    .bind(period.since)
    .bind(period.until)
    .bind(columns.provider)
    .bind(columns.model)
    .bind(columns.agent)
    .fetch_all(db)
    .await?;
    let requests: i64 = slots.iter().map(|(_, n)| n).sum();
    let millis = quantile(&slots, 0.95).filter(|_| requests >= ENOUGH);
    Ok(millis
        .and_then(|micros| Decimal::from_f64(micros / 1_000.0))
        .map(|millis| millis.round_dp(1).normalize()))
}
