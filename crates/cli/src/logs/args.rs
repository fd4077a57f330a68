//! Which log lines are wanted, as every command takes it.

use clap::Args;
use clap::builder::PossibleValuesParser;
use systemprompt_domain::ids;
use systemprompt_domain::period::{Interval, Period, When, Zone};
use systemprompt_reporting::PeriodUsed;
use systemprompt_storage::logs::{Level, Wanted};
use time::OffsetDateTime;

use crate::failure::Failure;

// Filters. No doc comment: clap would take it for the help of the whole command.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct Filters {
    /// Only lines that matter at least as much
    #[arg(long, value_name = "LEVEL", default_value = "info",
          value_parser = PossibleValuesParser::new(Level::ALL.map(Level::as_str)))]
    level: String,
    /// Only lines of modules whose path holds this
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// Only lines of this trace: its id, or its first 8 digits or more
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
}

// When. No doc comment, as above.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct Within {
    /// Begin of the period: 24h, 7d, today, 2026-11-01, RFC 3339 and the like [default: 24h, of a trace 90d]
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// End of the period, written alike; what it names is no longer part of it
    #[arg(long, value_name = "WHEN", default_value = "now")]
    until: When,
    /// Time zone in which days, weeks and months begin: an IANA name, or local
    #[arg(long, value_name = "ZONE", default_value_t)]
    timezone: Zone,
}

impl Filters {
    /// The lines of an interval that match.
    pub(super) fn wanted(&self, interval: Interval, text: Option<&str>) -> Result<Wanted, Failure> {
        let level = Level::ALL
            .into_iter()
            .find(|level| level.as_str() == self.level);
        let trace = self.trace.as_deref().map(|id| {
            ids::beginning_with(id).ok_or_else(|| {
                Failure::Usage(format!("\"{id}\" is not a trace id: at least 8 hex digits"))
            })
        });
        Ok(Wanted {
            since: interval.since,
            until: interval.until,
            level: level.expect("clap admits no others"),
            target: self.target.clone(),
            trace: trace.transpose()?,
            text: text.map(str::to_owned),
        })
    }
}

impl Within {
    /// The period to the moment, and as it is told.
    pub(super) fn resolve(
        &self,
        filters: &Filters,
        now: OffsetDateTime,
    ) -> Result<(Interval, PeriodUsed), Failure> {
        let default = if filters.trace.is_some() {
            "90d"
        } else {
            "24h"
        };
        let since = self.since.clone();
        let period = Period {
            since: since.unwrap_or_else(|| default.parse().expect("a time")),
            until: self.until.clone(),
        };
        let interval = period
            .resolve(now, &self.timezone)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let used = PeriodUsed {
            since: interval.since.into(),
            until: interval.until.into(),
            timezone: self.timezone.to_string(),
        };
        Ok((interval, used))
    }
}
