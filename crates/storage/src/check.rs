//! Compares every rollup with the requests it was made from, to the last digit.
//!
//! Rollups outlive the detail they were made from, and sampling leaves some of it
//! out. Days without all their detail cannot be compared; they are named.

mod budgets;

use std::fmt;

use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, Row, Transaction};
use time::{Date, OffsetDateTime};

pub use self::budgets::check_budgets;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is not as it should be.
    pub differences: Vec<Difference>,
    /// UTC days that were not compared: their detail was sampled or has expired.
    pub left_out: Vec<Date>,
}

/// A rollup row that is not what the requests add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The cube, in tables that have cubes.
    pub cube: Option<String>,
    /// Bucket and dimensions.
    pub key: String,
    /// The columns that differ, as the requests add up; `None` if there should
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

/// A table, and the arguments of the statement that checks it.
struct Rollup {
    table: &'static str,
    sql: &'static str,
    grain: &'static str,
    width: &'static str,
    cubes: &'static [&'static str],
}

const USAGE: &str = include_str!("check/usage.sql");
const LATENCY: &str = include_str!("check/latency.sql");
const ERRORS: &str = include_str!("check/errors.sql");

const QUARTER: (&str, &str) = ("quarter", "15 minutes");
const HOUR: (&str, &str) = ("hour", "1 hour");
const DAY: (&str, &str) = ("day", "1 day");

const ROLLUPS: [Rollup; 8] = [
    rollup("usage_quarter", USAGE, QUARTER, &["full"]),
    rollup(
        "usage_hour",
        USAGE,
        HOUR,
        &["total", "model", "agent", "agent_model"],
    ),
    rollup(
        "usage_day",
        USAGE,
        DAY,
        &["total", "model", "agent", "agent_model", "user", "full"],
    ),
    rollup("latency_quarter", LATENCY, QUARTER, &["agent_model"]),
    rollup("latency_hour", LATENCY, HOUR, &["total", "agent_model"]),
    rollup(
        "latency_day",
        LATENCY,
        DAY,
        &["total", "model", "agent", "agent_model"],
    ),
    rollup("errors_quarter", ERRORS, QUARTER, &[]),
    rollup("errors_hour", ERRORS, HOUR, &[]),
];

const fn rollup(
    table: &'static str,
    sql: &'static str,
    (grain, width): (&'static str, &'static str),
    cubes: &'static [&'static str],
) -> Rollup {
    Rollup {
        table,
        sql,
        grain,
        width,
        cubes,
    }
}

/// Every row of the rollups and of `conversations` that is missing, that should
/// not be there, or that says something else than `ai_requests`, on days with all
/// their detail. All tables are read as of one moment, so a writer may go on
/// meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn check(db: &PgPool) -> Result<Checked, sqlx::Error> {
    let mut tx = begin(db).await?;
    let left_out: Vec<OffsetDateTime> = sqlx::query_scalar(include_str!("check/left_out.sql"))
        .fetch_all(&mut *tx)
        .await?;
    let mut differences = Vec::new();
    for Rollup {
        table,
        sql,
        grain,
        width,
        cubes,
    } in ROLLUPS
    {
        let query = sqlx::query(sql).bind(grain).bind(width).bind(&left_out);
        let query = if cubes.is_empty() {
            query
        } else {
            query.bind(cubes)
        };
        let rows = query.fetch_all(&mut *tx).await?;
        differences.extend(
            rows.iter()
                .map(|row| difference(table, row))
                .collect::<Result<Vec<_>, _>>()?,
        );
    }
    let rows = sqlx::query(include_str!("check/conversations.sql"))
        .bind(&left_out)
        .fetch_all(&mut *tx)
        .await?;
    for row in &rows {
        differences.push(difference("conversations", row)?);
    }
    tx.rollback().await?;
    Ok(Checked {
        differences,
        left_out: left_out.into_iter().map(OffsetDateTime::date).collect(),
    })
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
