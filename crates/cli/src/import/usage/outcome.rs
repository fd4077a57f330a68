//! What an import of usage came to, and how that is told.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use systemprompt_storage::imported::ImportedUsage;
use time::Date;

use super::costs::Stated;
use crate::Outside;
use crate::failure::Failure;
use crate::human::figure;
use crate::import::Blamed;
use crate::import::requests::usd;

#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: u64,
    /// Of no usage.
    pub(super) empty: u64,
    /// Left out, as their time is not over.
    pub(super) unfinished: u64,
    /// Left out, as requests of their days are recorded.
    pub(super) recorded: u64,
    /// Those that were not left out.
    taken: u64,
    pub(super) stored: u64,
    /// Stored, of days of which others were imported before.
    pub(super) beside: u64,
    requests: u64,
    /// Rows that do not say how many requests they are about.
    uncounted: u64,
    unpriced: u64,
    cost: i128,
    /// The days of those that were not left out.
    pub(super) days: BTreeSet<Date>,
    /// What the provider says that they cost.
    pub(super) stated: Option<Stated>,
    pub(super) faulty: Blamed,
    pub(super) seconds: f64,
}

impl Outcome {
    pub(super) fn count(&mut self, row: &ImportedUsage) {
        self.taken += 1;
        self.requests += row.requests.unwrap_or(0);
        self.uncounted += u64::from(row.requests.is_none());
        match row.cost {
            Some(cost) => self.cost += i128::from(cost.0),
            None => self.unpriced += 1,
        }
    }

    pub(super) fn write_text(
        &self,
        provider: &str,
        dry: bool,
        file: &Path,
        outside: &mut Outside<'_>,
    ) -> Result<(), Failure> {
        self.faulty.write(file, outside)?;
        let grouped = |n: u64| figure::grouped(&n.to_string());
        let what = match dry {
            true => format!("{} would be looked for and stored", grouped(self.taken)),
            false => format!(
                "{} stored, {} known already",
                grouped(self.stored),
                grouped(self.taken - self.stored)
            ),
        };
        let out = &mut outside.out;
        writeln!(
            out,
            "{} rows: {what}, {} of no usage, {} not readable. {:.1} s.",
            grouped(self.rows),
            grouped(self.empty),
            grouped(self.faulty.all()),
            self.seconds,
        )?;
        let cost = usd(self.cost);
        let unpriced = grouped(self.unpriced);
        let requests = match self.uncounted {
            0 => format!("They are {} requests and", grouped(self.requests)),
            n if n == self.taken => {
                "They do not say how many requests they are, which counts as none. They".to_owned()
            }
            n => format!(
                "They are {} requests, {} of them not saying how many, and",
                grouped(self.requests),
                grouped(n)
            ),
        };
        writeln!(
            out,
            "{requests} cost {cost} USD by our prices; {unpriced} rows without a price."
        )?;
        if let Some(stated) = &self.stated {
            writeln!(
                out,
                "{provider} says that everything cost {} USD on the same days.",
                usd(stated.nanos)
            )?;
        }
        if self.recorded > 0 {
            writeln!(
                out,
                "{} rows were left out: requests of their days are recorded, and would count twice \
                 (--overlapping brings them all the same).",
                grouped(self.recorded)
            )?;
        }
        if self.unfinished > 0 {
            writeln!(
                out,
                "{} rows were left out: their time is not over. Export it again when it is.",
                grouped(self.unfinished)
            )?;
        }
        if self.beside > 0 {
            writeln!(
                out,
                "{} of those stored are of days of which usage was imported before: if it is the same, \
                 grouped otherwise, it counts twice.",
                grouped(self.beside)
            )?;
        }
        Ok(())
    }

    pub(super) fn write_json(&self, dry: bool, outside: &mut Outside<'_>) -> Result<(), Failure> {
        let of_stored = |n: u64| (!dry).then_some(n);
        let stated = self.stated.as_ref();
        let answer = json!({
            "rows": self.rows,
            "taken": self.taken,
            "stored": of_stored(self.stored),
            "known": of_stored(self.taken.saturating_sub(self.stored)),
            "empty": self.empty,
            "recorded": self.recorded,
            "unfinished": self.unfinished,
            "beside_imported": of_stored(self.beside),
            "faulty": self.faulty.all(),
            "faulty_lines": self.faulty.json(),
            "requests": self.requests,
            "without_requests": self.uncounted,
            "unpriced": self.unpriced,
            "cost_usd": usd(self.cost),
            "stated_cost_usd": stated.map(|stated| usd(stated.nanos)),
            "stated_rows_of_other_days": stated.map(|stated| stated.elsewhere),
            "seconds": self.seconds,
        });
        Ok(writeln!(outside.out, "{answer:#}")?)
    }
}
