//! The providers' exports of costs, which are files of their own: summed up, so that what
//! they say can be held against what our prices say.

use std::collections::BTreeSet;
use std::path::Path;

use time::{Date, UtcOffset};

use super::openai;
use crate::failure::Failure;
use crate::import::records::{self, Record};

/// What a provider says that some days cost.
#[derive(Debug, Default)]
pub(super) struct Stated {
    /// In billionths of a dollar.
    pub(super) nanos: i128,
    /// Rows of other days.
    pub(super) elsewhere: u64,
}

/// Adds up the costs of some UTC days.
///
/// # Errors
/// When it is no export of costs: a sum that leaves anything out is none.
pub(super) async fn sum(file: &Path, days: &BTreeSet<Date>) -> Result<Stated, Failure> {
    let mut records = records::open(file)?;
    let mut stated = Stated::default();
    while let Some(batch) = records.next().await {
        for (line, record) in batch? {
            let read = record.and_then(|record| read(&record));
            let cost = read.map_err(|reason| Failure::TrafficFile {
                file: file.to_owned(),
                reason: format!("line {line} is none of an export of costs: {reason}"),
            })?;
            match cost {
                Some((day, nanos)) if days.contains(&day) => stated.nanos += i128::from(nanos),
                Some(_) => stated.elsewhere += 1,
                None => {}
            }
        }
    }
    Ok(stated)
}

/// A day and what it says that cost; `None` for a day without.
fn read(record: &Record) -> Result<Option<(Date, i64)>, String> {
    const COST: [&str; 2] = ["cost_usd", "amount_value"];
    if COST.iter().all(|name| !record.has(name)) {
        return Err(format!("it has no {}", COST.join(" or ")));
    }
    if record.get(&COST).is_none() {
        return Ok(None);
    }
    let currency = record.text(&["amount_currency"]);
    if let Some(other) = currency.filter(|currency| !currency.eq_ignore_ascii_case("usd")) {
        return Err(format!("its currency is {other}, not USD"));
    }
    let cost = record.usd(&COST).ok_or("its cost is no amount")?;
    let day = match record.has("usage_date_utc") {
        true => super::anthropic::day(record)?,
        false => {
            let at = openai::moment(record, ["start_time", "start_time_iso"])?;
            at.to_offset(UtcOffset::UTC).date()
        }
    };
    Ok(Some((day, cost.0)))
}
