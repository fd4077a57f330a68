//! Trends as charts, each with its table.

use serde_json::Value;
use systemprompt_domain::period::Zone;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, Row, cells};
use systemprompt_reporting::present::column::Column;
use systemprompt_reporting::present::figure::parse_moment;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::table::number;
use super::{Shown, locale, rows};
use crate::admin::charts::{Bucket, Form, Measure, Series, Timeline};
use crate::admin::panel::Width;

impl Shown<'_> {
    pub(super) fn chart(
        &self,
        out: &mut String,
        answer: &Answer<Value>,
        form: Form,
        measure: Measure,
        series: &[(&str, &str)],
    ) {
        let rows = rows(answer);
        let columns = self.columns();
        let column = |key: &str| columns.iter().find(|column| column.key == key).cloned();
        let keyed: Vec<(Column, &str)> = series
            .iter()
            .filter_map(|(key, name)| Some((column(key)?, *name)))
            .collect();
        let values = |(column, name): &(Column, &str), rows: &[&Row]| Series {
            name: (*name).to_owned(),
            values: rows
                .iter()
                .map(|row| row.get(&column.key).and_then(number))
                .collect(),
            texts: cells(column, rows, &locale(answer), Ids::Short),
        };
        let drawn: Vec<Series> = keyed.iter().map(|key| values(key, &rows)).collect();
        let any = |series: &Series| {
            series
                .values
                .iter()
                .any(|value| value.is_some_and(|v| v != 0.0))
        };
        let compared = self.before.as_ref().zip(keyed.first());
        let before = compared.map(|(before, key)| {
            let mut series = values(key, &super::rows(before));
            series.values.truncate(rows.len());
            series.name = match keyed.len() {
                1 => "Period before".to_owned(),
                _ => format!("{} in the period before", key.1),
            };
            series
        });
        let before = before.filter(any);
        // Zeros are worth a chart where something was counted: no errors, say.
        let counted = |row: &&Row| {
            row.iter()
                .any(|(_, value)| number(value).is_some_and(|n| n != 0.0))
        };
        if !rows.iter().any(counted) && before.is_none() {
            return self.nothing(out, answer);
        }
        let (buckets, incomplete) = self.buckets(answer);
        let money = locale(answer).money(rust_decimal::Decimal::ZERO, 2);
        let id = self.id();
        let timeline = Timeline {
            id: &id,
            title: self.panel.title,
            form,
            measure,
            currency: money.trim_end_matches("0.00"),
            buckets: &buckets,
            series: &drawn,
            before: before.as_ref(),
            incomplete,
            labels: match self.panel.width {
                Width::Third => 3,
                Width::Half => 5,
                Width::TwoThirds | Width::Whole => 6,
            },
        };
        out.push_str(&timeline.draw());
        self.as_table(out, answer, series);
    }

    /// The same figures as a table, for whoever does not see charts or wants to
    /// read them.
    pub(super) fn as_table(
        &self,
        out: &mut String,
        answer: &Answer<Value>,
        series: &[(&str, &str)],
    ) {
        let columns: Vec<Column> = self
            .columns()
            .into_iter()
            .filter(|column| {
                column.key == "bucket" || series.iter().any(|(key, _)| column.key == *key)
            })
            .collect();
        out.push_str("<details class=\"figures\"><summary>View as table</summary>");
        let rows = rows(answer);
        self.table(
            out,
            self.panel.title,
            &columns,
            &rows,
            "",
            &locale(answer),
            "rows",
        );
        out.push_str("</details>");
    }

    /// The steps of an answer, and whether the last one is not over.
    pub(super) fn buckets(&self, answer: &Answer<Value>) -> (Vec<Bucket>, bool) {
        let zone = locale(answer).zone;
        let rows = rows(answer);
        let begins: Vec<OffsetDateTime> = rows
            .iter()
            .filter_map(|row| parse_moment(row.get("bucket")?.as_str()?, &zone))
            .collect();
        let step = match begins[..] {
            [.., a, b] => b - a,
            _ => Duration::ZERO,
        };
        let incomplete = begins.last().is_some_and(|last| *last + step > self.now);
        let bucket = |at: &OffsetDateTime| Bucket {
            tick: tick(*at, step, begins.len()),
            label: label(*at, step, &zone),
        };
        (
            begins.iter().map(bucket).collect(),
            incomplete && step > Duration::ZERO,
        )
    }
}

/// A step below the axis.
fn tick(at: OffsetDateTime, step: Duration, steps: usize) -> String {
    let hours = step < Duration::hours(20) && steps > 1;
    let text = if hours && at.hour() != 0 {
        at.format(format_description!("[hour]:[minute]"))
    } else if step > Duration::days(27) {
        at.format(format_description!("[month repr:short] [year]"))
    } else {
        at.format(format_description!("[day padding:none] [month repr:short]"))
    };
    text.unwrap_or_default()
}

/// A step in full.
fn label(at: OffsetDateTime, step: Duration, zone: &Zone) -> String {
    if step == Duration::ZERO || step >= Duration::hours(20) {
        let day = format_description!(
            "[weekday repr:short] [day padding:none] [month repr:short] [year]"
        );
        let text = at.format(day).unwrap_or_default();
        return match step {
            step if step > Duration::days(27) => at
                .format(format_description!("[month repr:long] [year]"))
                .unwrap_or_default(),
            step if step > Duration::days(6) => format!("week of {text}"),
            _ => text,
        };
    }
    let hour = format_description!(
        "[weekday repr:short] [day padding:none] [month repr:short], [hour]:[minute]"
    );
    format!("{} {zone}", at.format(hour).unwrap_or_default())
}
