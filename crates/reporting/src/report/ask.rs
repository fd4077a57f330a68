//! Asking the registry about a day, and making tables of the answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use systemprompt_domain::period::{Interval, Zone};

use super::block::{Block, Chart, Table};
use super::cell::{self, Style};
use super::day::Day;
use crate::ctx::Ctx;
use crate::entry::{schema_of_row, to_value};
use crate::error::{Error, Result};
use crate::params::{Limit, Page, PeriodArgs};
use crate::query::{PeriodUsed, Query};

/// Who asks: everything about one day.
pub(crate) struct Ask<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) day: Day,
    pub(super) interval: Interval,
    limit: Limit,
}

impl<'a> Ask<'a> {
    pub(super) fn new(ctx: &'a Ctx, day: Day, rows: u32) -> Result<Self> {
        let limit = rows.try_into().map_err(Error::Usage)?;
        Ok(Self {
            ctx,
            interval: day.interval()?,
            day,
            limit,
        })
    }

    /// The day, as questions take it.
    pub(crate) fn period(&self) -> PeriodArgs {
        PeriodArgs {
            since: self.day.since(),
            until: self.day.until(),
            timezone: self.day.zone.clone(),
        }
    }

    /// How many rows a table has.
    pub(crate) fn page(&self) -> Page {
        Page { limit: self.limit }
    }

    /// Asks a question about the day. `options` is what its command has beside
    /// the period.
    pub(crate) async fn day<Q: Query>(&self, question: &Q, options: &str) -> Result<Asked> {
        let period = format!(
            " --since {} --until {} --timezone {}{}",
            self.day.since(),
            self.day.until(),
            self.day.zone,
            spaced(options),
        );
        self.ask(question, &period).await
    }

    /// Asks a question that has no period.
    pub(crate) async fn now<Q: Query>(&self, question: &Q, options: &str) -> Result<Asked> {
        self.ask(question, &spaced(options)).await
    }

    async fn ask<Q: Query>(&self, question: &Q, arguments: &str) -> Result<Asked> {
        let answer = question.run(self.ctx).await?;
        let currency = self.ctx.settings.currency.code().filter(|_| !Q::IN_DOLLARS);
        let rows = answer.rows.into_iter().map(|row| match to_value(row) {
            Value::Object(row) => row,
            _ => Map::new(),
        });
        Ok(Asked {
            rows: rows.collect(),
            more: answer.more,
            units: units(&schema_of_row::<Q>()),
            currency: currency.map(str::to_owned),
            zone: self.day.zone.clone(),
            command: format!("systemprompt analytics {}{arguments}", Q::PATH.join(" ")),
            period: answer.period,
        })
    }
}

fn spaced(options: &str) -> String {
    match options {
        "" => String::new(),
        options => format!(" {options}"),
    }
}

/// What each column counts.
fn units(row: &schemars::Schema) -> BTreeMap<String, String> {
    let properties = row.get("properties").and_then(Value::as_object);
    let unit = |(name, property): (&String, &Value)| {
        let unit = property.get("x-unit")?.as_str()?;
        Some((name.clone(), unit.to_owned()))
    };
    properties.into_iter().flatten().filter_map(unit).collect()
}

/// An answer, ready to be shown.
pub(crate) struct Asked {
    rows: Vec<Map<String, Value>>,
    more: bool,
    units: BTreeMap<String, String>,
    currency: Option<String>,
    zone: Zone,
    command: String,
    period: Option<PeriodUsed>,
}

impl Asked {
    /// What to know where the answer covers more than the day: rollups of long ago
    /// begin at full hours, and some zones' days do not.
    pub(crate) fn period_note(&self, day: Interval) -> Option<String> {
        let PeriodUsed { since, until, .. } = self.period.as_ref()?;
        (since.0 != day.since || until.0 != day.until).then(|| {
            format!(
                "Totals of that time are kept by the full hour: these cover {} to {} UTC.",
                cell::minute(since.0),
                cell::minute(until.0),
            )
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a figure of the first row is nothing.
    pub(crate) fn is_zero(&self, key: &str) -> bool {
        self.number(0, key) == 0.0
    }

    /// Whether a figure is nothing in every row.
    pub(crate) fn is_zero_throughout(&self, key: &str) -> bool {
        (0..self.rows.len()).all(|at| self.number(at, key) == 0.0)
    }

    fn number(&self, at: usize, key: &str) -> f64 {
        let value = self.rows.get(at).and_then(|row| row.get(key));
        match value {
            Some(Value::Number(number)) => number.as_f64().unwrap_or_default(),
            Some(Value::String(text)) => text.parse().unwrap_or_default(),
            _ => 0.0,
        }
    }

    /// A figure of the first row, for people.
    pub(crate) fn text(&self, key: &str) -> String {
        self.cell(0, key)
    }

    fn style<'a>(&'a self, key: &'a str) -> Style<'a> {
        Style {
            key,
            unit: self.units.get(key).map(String::as_str),
            currency: self.currency.as_deref(),
            zone: &self.zone,
        }
    }

    fn cell(&self, at: usize, key: &str) -> String {
        let value = self.rows.get(at).and_then(|row| row.get(key));
        cell::text(value.unwrap_or(&Value::Null), &self.style(key))
    }

    fn is_figure(&self, key: &str) -> bool {
        self.units
            .get(key)
            .is_some_and(|unit| !matches!(unit.as_str(), "time" | "id"))
    }

    /// The command that asks for the same.
    pub(crate) fn command(&self) -> Block {
        Block::Command(self.command.clone())
    }

    /// Its rows, with these columns.
    pub(crate) fn table(&self, keys: &[&str]) -> Block {
        self.labelled(keys, |_, _| None)
    }

    /// The same, with texts of the caller's where it has any: by row and key.
    pub(crate) fn labelled(
        &self,
        keys: &[&str],
        label: impl Fn(usize, &str) -> Option<String>,
    ) -> Block {
        let columns = keys
            .iter()
            .map(|key| (cell::title(key), self.is_figure(key)));
        let row = |at: usize| {
            let cells = keys
                .iter()
                .map(|key| label(at, key).unwrap_or_else(|| self.cell(at, key)));
            cells.collect()
        };
        Block::Table(Table {
            columns: columns.collect(),
            rows: (0..self.rows.len()).map(row).collect(),
            more: self.more,
        })
    }

    /// Figures of the first row below each other, beside those of the day before
    /// where there are any.
    pub(crate) fn figures(&self, keys: &[&str]) -> Block {
        let row = self.rows.first();
        let has = |key: &str| row.is_some_and(|row| row.contains_key(key));
        let previous = |key: &str| format!("previous_{key}");
        let compared = keys.iter().any(|key| has(&previous(key)));
        let mut columns = vec![("Figure".to_owned(), false), ("Day".to_owned(), true)];
        if compared {
            columns.push(("Day before".to_owned(), true));
        }
        let rows = keys.iter().map(|key| {
            let mut cells = vec![cell::title(key), self.cell(0, key)];
            if compared {
                let before = previous(key);
                cells.push(if has(&before) {
                    self.cell(0, &before)
                } else {
                    String::new()
                });
            }
            cells
        });
        Block::Table(Table {
            columns,
            rows: rows.collect(),
            more: false,
        })
    }

    /// A figure of all rows as bars.
    pub(crate) fn chart(&self, key: &str, label: impl Fn(usize) -> String) -> Block {
        let all = 0..self.rows.len();
        Block::Chart(Chart {
            title: cell::title(key),
            labels: all.clone().map(label).collect(),
            bars: all.clone().map(|at| self.number(at, key)).collect(),
            texts: all.map(|at| self.cell(at, key)).collect(),
        })
    }

    /// The moment of a row, on the zone's clocks.
    pub(crate) fn moment(&self, at: usize, key: &str) -> Option<time::OffsetDateTime> {
        let text = self.rows.get(at)?.get(key)?.as_str()?;
        crate::present::figure::parse_moment(text, &self.zone)
    }
}
