//! Asking the registry about a day, and making tables of the answers.

use serde_json::{Map, Value};
use systemprompt_domain::period::{Interval, When};
use time::Duration;

use super::block::{Block, Chart, Table};
use super::cell;
use super::day::Day;
use crate::ctx::Ctx;
use crate::entry::{schema_of_row, to_value};
use crate::error::{Error, Result};
use crate::params::{Limit, Page, PeriodArgs};
use crate::present::cell::{Ids, Row, cells};
use crate::present::column::{Column, Unit};
use crate::present::locale::Locale;
use crate::query::{PeriodUsed, Query};

/// The periods that a report looks back over from the end of its day, or from now where
/// the day is not over.
pub(crate) const SPANS: [(&str, Duration); 4] = [
    ("12 hours", Duration::hours(12)),
    ("24 hours", Duration::hours(24)),
    ("3 days", Duration::days(3)),
    ("7 days", Duration::days(7)),
];

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

    /// What lies so far before the end of the day, or before the present minute.
    pub(crate) fn back(&self, span: Duration) -> PeriodArgs {
        let now = self.ctx.clock.now().truncate_to_minute();
        let since = self.interval.until.min(now).checked_sub(span);
        PeriodArgs {
            since: since.map_or_else(|| self.day.since(), When::At),
            ..self.period()
        }
    }

    /// How many rows a table has.
    pub(crate) fn page(&self) -> Page {
        Page { limit: self.limit }
    }

    /// All rows, however many a table has.
    pub(crate) const fn everything() -> Page {
        Page { limit: Limit::MOST }
    }

    /// Asks a question about the day. `options` is what its command has beside
    /// the period.
    pub(crate) async fn day<Q: Query>(&self, question: &Q, options: &str) -> Result<Asked> {
        self.over(&self.period(), question, options).await
    }

    /// Asks a question about a period, which it has to be made with.
    pub(crate) async fn over<Q: Query>(
        &self,
        period: &PeriodArgs,
        question: &Q,
        options: &str,
    ) -> Result<Asked> {
        let PeriodArgs {
            since,
            until,
            timezone,
        } = period;
        let arguments = format!(
            " --since {since} --until {until} --timezone {timezone}{}",
            spaced(options)
        );
        self.ask(question, &arguments).await
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
            columns: Column::of(schema_of_row::<Q>().as_value()),
            locale: Locale::exact(self.day.zone.clone(), currency.map(str::to_owned)),
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

/// An answer, ready to be shown.
pub(crate) struct Asked {
    rows: Vec<Row>,
    more: bool,
    columns: Vec<Column>,
    locale: Locale,
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
        let unknown = self.rows.first().and_then(|row| row.get(key)) == Some(&Value::Null);
        !unknown && self.number(0, key) == 0.0
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

    fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.key == key)
    }

    fn cell(&self, at: usize, key: &str) -> String {
        let row = self.rows.get(at..=at).unwrap_or_default();
        self.written(row, key).concat()
    }

    /// A column of these rows.
    fn written(&self, rows: &[Row], key: &str) -> Vec<String> {
        let rows: Vec<&Row> = rows.iter().collect();
        match self.column(key) {
            Some(column) => cells(column, &rows, &self.locale, Ids::Whole),
            None => vec![String::new(); rows.len()],
        }
    }

    fn is_figure(&self, key: &str) -> bool {
        let column = self.column(key);
        column.is_some_and(|column| column.unit.is_figure() && column.unit != Unit::Number)
    }

    /// The row in which these columns say the same as a row of another answer.
    fn same_as(&self, other: &Self, at: usize, keys: &[&str]) -> Option<usize> {
        let row = other.rows.get(at)?;
        let same = |mine: &Row| keys.iter().all(|key| mine.get(*key) == row.get(*key));
        self.rows.iter().position(same)
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
        let written: Vec<Vec<String>> = keys
            .iter()
            .map(|key| self.written(&self.rows, key))
            .collect();
        let row = |at: usize| {
            let cells = keys
                .iter()
                .zip(&written)
                .map(|(key, written)| label(at, key).unwrap_or_else(|| written[at].clone()));
            cells.collect()
        };
        Block::Table(Table {
            columns: columns.collect(),
            rows: (0..self.rows.len()).map(row).collect(),
            more: self.more,
        })
    }

    /// The first rows of several answers to one question below each other, each under
    /// its name.
    pub(crate) fn side_by_side(title: &str, asked: &[(&str, Self)], keys: &[&str]) -> Block {
        let figures = |key: &str| asked.iter().all(|(_, asked)| asked.is_figure(key));
        let columns = keys.iter().map(|key| (cell::title(key), figures(key)));
        let rows = asked.iter().map(|(name, asked)| {
            let cells = keys.iter().map(|key| asked.cell(0, key));
            [(*name).to_owned()].into_iter().chain(cells).collect()
        });
        Block::Table(Table {
            columns: [(title.to_owned(), false)]
                .into_iter()
                .chain(columns)
                .collect(),
            rows: rows.collect(),
            more: false,
        })
    }

    /// One figure of several answers beside each other, for each row of the last: a
    /// row that an answer does not have is nothing in it.
    pub(crate) fn across(asked: &[(&str, Self)], keys: &[&str], figure: &str) -> Block {
        let Some((_, last)) = asked.last() else {
            return Block::Text(String::new());
        };
        let names = keys.iter().map(|key| (cell::title(key), false));
        let figures = asked.iter().map(|(name, _)| ((*name).to_owned(), true));
        let row = |at: usize| {
            let names = keys.iter().map(|key| last.cell(at, key));
            let figures = asked.iter().map(|(_, asked)| {
                let same = asked.same_as(last, at, keys);
                same.map_or_else(|| "0".to_owned(), |at| asked.cell(at, figure))
            });
            names.chain(figures).collect()
        };
        Block::Table(Table {
            columns: names.chain(figures).collect(),
            rows: (0..last.len()).map(row).collect(),
            more: last.more,
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
            bars: all.map(|at| self.number(at, key)).collect(),
            texts: self.written(&self.rows, key),
        })
    }

    /// The moment of a row, on the zone's clocks.
    fn moment(&self, at: usize, key: &str) -> Option<time::OffsetDateTime> {
        let text = self.rows.get(at)?.get(key)?.as_str()?;
        crate::present::figure::parse_moment(text, &self.locale.zone)
    }

    /// An hour as the clocks show it. On a day on which they change, one hour may come
    /// twice: then its distance from UTC tells which it is.
    pub(crate) fn hour(&self, at: usize) -> String {
        let Some(begin) = self.moment(at, "bucket") else {
            return String::new();
        };
        let clock = format!("{:02}:{:02}", begin.hour(), begin.minute());
        if self.len() == 24 {
            return clock;
        }
        let (h, m, _) = begin.offset().as_hms();
        let sign = if h < 0 || m < 0 { '-' } else { '+' };
        format!("{clock} (UTC{sign}{}:{:02})", h.abs(), m.abs())
    }
}
