//! What alerts watch, what they found, and whom they told.

mod history;
mod status;

pub use history::{Delivery, History, HistoryRow};
pub use status::{Status, StatusRow};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use systemprompt_config::{Alert, AlertType};

use super::overview::Figure;
use crate::ctx::Ctx;
use crate::error::Error;

/// What the threshold and the value of an alert count.
const fn unit(kind: AlertType) -> &'static str {
    match kind {
        AlertType::HourlyCost
        | AlertType::DailyCost
        | AlertType::WeeklyCost
        | AlertType::MonthlyCost => "usd",
        AlertType::ErrorRate => "ratio",
        AlertType::LatencyP95 => "ms",
        AlertType::UnpricedRequests => "count",
    }
}

/// The threshold of an alert, and what it counts: usd, ratio, ms or count.
#[must_use]
pub fn threshold(alert: &Alert) -> (Figure, &'static str) {
    let unit = unit(alert.kind);
    (figure(unit, alert.threshold), unit)
}

/// A value in such a unit.
fn figure(unit: &str, value: Decimal) -> Figure {
    match unit {
        "usd" => Figure::Money(value.normalize()),
        "count" => Figure::Count(value.to_i64().unwrap_or(i64::MAX)),
        _ => Figure::Measure(value.to_f64().unwrap_or_default()),
    }
}

/// That there is no such alert, and which there are.
fn unknown(ctx: &Ctx, name: &str) -> Error {
    let names: Vec<String> = ctx.visible_alerts().map(|alert| alert.name()).collect();
    Error::NotFound(match names.as_slice() {
        [] => format!("no alert is called {name}; there are none"),
        names => format!("no alert is called {name}; there are: {}", names.join(", ")),
    })
}
