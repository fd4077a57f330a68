//! Compares every rollup with the rows it was made from, to the last digit.
//!
//! Rollups outlive the detail they were made from, and sampling leaves some of it
//! out. Days without all their detail cannot be compared; they are named. Nor can
//! quarters of an hour that are no longer kept.

mod budgets;
mod hour;
mod rollups;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Row, Transaction};
use systemprompt_domain::period::Interval;
use time::macros::datetime;
use time::{Date, OffsetDateTime};

pub use self::budgets::check_budgets;
pub use self::hour::{check_hour, closed_hours};
pub(crate) use self::rollups::quarters;
use self::rollups::{ALL, DAY, QUARTER, Rollup, WEEK};
use crate::retention::{QUARTERS, kept_from};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is not as it should be.
    pub differences: Vec<Difference>,
    /// UTC days that were not compared: their detail was sampled or has expired.
    pub left_out: Vec<Date>,
    /// From which UTC day on quarters of an hour were compared, where not all
    /// are kept.
    pub quarters_from: Option<Date>,
}

/// A rollup row that is not what its rows add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The cube, in tables that have cubes.
    pub cube: Option<String>,
    /// Bucket and dimensions.
    pub key: String,
    /// The columns that differ, as the rows add up; `None` if there should
    /// be no such row.
    pub expected: Option<Map<String, Value>>,
    /// The same columns as they are stored; `None` if the row is missing.
    pub found: Option<Map<String, Value>>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |side: &Option<Map<String, Value>>| match side {
            Some(columns) => Value::Object(columns.clone()).to_string(),
            None => "no row".to_owned(),
        };
        let (expected, found) = (columns(&self.expected), columns(&self.found));
        write!(
            f,
            "{} [{}]: expected {expected}, found {found}",
            self.table, self.key
        )
    }
}

/// All time that PostgreSQL and we can write.
const ALWAYS: Interval = Interval {
    since: datetime!(0001-01-01 0:00 UTC),
    until: datetime!(9999-12-31 0:00 UTC),
};
/// Every row of the rollups and of `conversations` that is missing, that should
/// not be there, or that says something else than the rows it counts, on days
/// with all their detail. All tables are read as of one moment, so a writer may go
/// on meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn check(db: &PgPool) -> Result<Checked, sqlx::Error> {
    let mut tx = begin(db).await?;
    let quarters_from = kept_from(&mut tx, QUARTERS).await?;
    let without_quarters = days_before(&mut tx, quarters_from).await?;
    let mut left_out = BTreeSet::new();
    let mut differences = Vec::new();
    for (without_detail, rollups) in ALL {
        let days: Vec<OffsetDateTime> = sqlx::query_scalar(without_detail)
            .fetch_all(&mut *tx)
            .await?;
        left_out.extend(days.iter().map(|day| day.date()));
        let without_quarters = [days.as_slice(), &without_quarters].concat();
        let weeks = days_of_weeks(&days);
        for rollup in rollups {
            let left_out = match rollup.grain {
                grain if grain == QUARTER.0 => &without_quarters,
                grain if grain == WEEK.0 => &weeks,
                _ => &days,
            };
            differences.extend(rollup.check(&mut tx, left_out, ALWAYS).await?);
        }
    }
    let days: Vec<OffsetDateTime> = sqlx::query_scalar(ALL[0].0).fetch_all(&mut *tx).await?;
    let rows = sqlx::query(include_str!("check/conversations.sql"))
        .bind(&days)
        .fetch_all(&mut *tx)
        .await?;
    for row in &rows {
        differences.push(difference("conversations", row)?);
    }
    tx.rollback().await?;
    Ok(Checked {
        differences,
        left_out: left_out.into_iter().collect(),
        quarters_from: quarters_from.map(OffsetDateTime::date),
    })
}

/// All days of the weeks that these days are in.
fn days_of_weeks(days: &[OffsetDateTime]) -> Vec<OffsetDateTime> {
    const DAYS: i64 = 7;
    let days = days.iter().flat_map(|day| {
        let nth = day.unix_timestamp().div_euclid(86_400).rem_euclid(DAYS);
        (0..DAYS).map(move |n| *day + time::Duration::days(n - nth))
    });
    days.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The UTC days before `from` on which anything was counted.
async fn days_before(
    db: &mut PgConnection,
    from: Option<OffsetDateTime>,
) -> Result<Vec<OffsetDateTime>, sqlx::Error> {
    let days = ALL.iter().flat_map(|(_, rollups)| *rollups);
    let days = days.filter(|rollup| rollup.grain == DAY.0).map(|rollup| {
        let table = rollup.table;
        match rollup.cubes.first() {
            Some(cube) => {
                format!("select bucket from {table} where cube = '{cube}' and bucket < $1")
            }
            None => format!("select bucket from {table} where bucket < $1"),
        }
    });
    // Names are ours; nothing of it comes from outside.
    let days = AssertSqlSafe(days.collect::<Vec<_>>().join(" union "));
    sqlx::query_scalar(days).bind(from).fetch_all(db).await
}

impl Rollup {
    /// The rows of a period that are not as they should be, save on some days.
    async fn check(
        &self,
        db: &mut PgConnection,
        left_out: &[OffsetDateTime],
        period: Interval,
    ) -> Result<Vec<Difference>, sqlx::Error> {
        let query = sqlx::query(self.sql)
            .bind(self.grain)
            .bind(self.width)
            .bind(left_out);
        let query = if self.cubes.is_empty() {
            query
        } else {
            query.bind(self.cubes)
        };
        let query = query.bind(period.since).bind(period.until);
        let rows = query.fetch_all(db).await?;
        rows.iter().map(|row| difference(self.table, row)).collect()
    }
}

/// A transaction that sees all tables as of one moment.
async fn begin(db: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    Ok(tx)
}

/// Keeps the columns in which both sides differ; of a row that only one side
/// has, all.
fn difference(table: &'static str, row: &PgRow) -> Result<Difference, sqlx::Error> {
    let object = |value: Option<Value>| match value {
        Some(Value::Object(columns)) => Some(columns),
        _ => None,
    };
    let mut expected = object(row.try_get("expected")?);
    let mut found = object(row.try_get("found")?);
    let either = expected.as_ref().or(found.as_ref());
    let cube = either.and_then(|columns| columns.get("cube")?.as_str());
    let cube = cube.filter(|cube| !cube.is_empty()).map(str::to_owned);
    if let (Some(expected), Some(found)) = (&mut expected, &mut found) {
        let same: Vec<_> = expected
            .iter()
            .filter(|(name, value)| found.get(*name) == Some(value))
            .collect();
        let same: Vec<String> = same.into_iter().map(|(name, _)| name.clone()).collect();
        for name in &same {
            expected.remove(name);
            found.remove(name);
        }
    }
    Ok(Difference {
        table,
        cube,
        key: row.try_get("key")?,
        expected,
        found,
    })
}
