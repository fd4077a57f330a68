//! `costs forecast`: where the current day, week and month lead.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::Nanos;
use systemprompt_domain::period::{Interval, Step, When, Zone};
use time::Duration;

use crate::ctx::Ctx;
use crate::elapsed::Elapsed;
use crate::error::{Error, Result};
use crate::figures::{Time, change};
use crate::params::{Filters, PeriodArgs, zone};
use crate::query::{Answer, PeriodUsed, Query};
use crate::rollup::{Source, Usage};

/// What the current day, week and month will cost if they go on alike
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Forecast {
    /// Time zone in which days, weeks and months begin: an IANA name, or local
    #[arg(long, value_name = "ZONE", default_value_t)]
    #[serde(default)]
    #[schemars(schema_with = "zone")]
    pub timezone: Zone,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
}

/// Where a day, a week or a month leads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForecastRow {
    /// What is looked at: day, week or month
    pub period: &'static str,
    /// When it began
    pub since: Time,
    /// When it ends
    pub until: Time,
    /// The part of it that is over
    #[schemars(extend("x-unit" = "ratio"))]
    pub elapsed: f64,
    /// What it cost so far; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// What it comes to if it goes on alike; none in its first twentieth
    #[schemars(extend("x-unit" = "money"))]
    pub forecast: Option<Decimal>,
    /// What the whole day, week or month before cost
    #[schemars(extend("x-unit" = "money"))]
    pub previous_cost: Option<Decimal>,
    /// The change of the forecast against the one before
    #[schemars(extend("x-unit" = "ratio"))]
    pub change: Option<f64>,
}

const STEPS: [(&str, Step); 3] = [
    ("day", Step::Day),
    ("week", Step::Week),
    ("month", Step::Month),
];

impl Forecast {
    /// The usage of an interval, and where it really begins in the rollups.
    async fn usage(&self, ctx: &Ctx, interval: Interval) -> Result<(Usage, Interval)> {
        let period = PeriodArgs {
            since: When::At(interval.since),
            until: When::At(interval.until),
            timezone: self.timezone.clone(),
        };
        let source = Source::of(ctx, &period, &self.filters, &[])?;
        Ok((source.total().await?, source.interval()))
    }
}

/// An amount of whatever currency in its nano-units.
fn nanos(amount: Decimal) -> i64 {
    Nanos::from_usd(amount).map_or(i64::MAX, |nanos| nanos.0)
}

impl Query for Forecast {
    type Row = ForecastRow;
    const PATH: &'static [&'static str] = &["costs", "forecast"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ForecastRow>> {
        let now = ctx.clock.now();
        let around = |step: Step, at| {
            let unit = step.around(at, &self.timezone);
            unit.ok_or_else(|| Error::Usage("the calendar ends there".to_owned()))
        };
        let (mut rows, mut blurred) = (Vec::new(), false);
        for (period, step) in STEPS {
            let current = around(step, now)?;
            let before = around(step, current.since - Duration::NANOSECOND)?;
            let (usage, used) = self.usage(ctx, current).await?;
            let (previous, previous_used) = self.usage(ctx, before).await?;
            blurred |= used.since != current.since || previous_used != before;
            let elapsed = Elapsed::of(current, now);
            let (cost, previous_cost) = (usage.cost(), previous.cost());
            let forecast = cost.and_then(|cost| elapsed.forecast(nanos(cost)));
            rows.push(ForecastRow {
                period,
                since: current.since.into(),
                until: current.until.into(),
                elapsed: elapsed.share(),
                cost,
                forecast: forecast.map(|end| Nanos(end).to_usd()),
                previous_cost,
                change: forecast
                    .zip(previous_cost)
                    .and_then(|(end, before)| change(end as f64, nanos(before) as f64)),
            });
        }
        let period = PeriodUsed {
            since: rows.iter().map(|row| row.since).min().expect("three rows"),
            until: rows.iter().map(|row| row.until).max().expect("three rows"),
            timezone: self.timezone.to_string(),
        };
        let note = blurred.then(|| {
            format!(
                "more than eight days back, a day, week or month in {} begins with the hour in \
                 which it begins, or for users with the UTC day",
                self.timezone
            )
        });
        Ok(Answer::of(rows).over(period).with_note(note))
    }
}
