//! Compares every rollup with the rows it was made from, to the last digit.
//!
//! Rollups outlive the detail they were made from, and sampling leaves some of it
//! out. Days without all their detail cannot be compared; they are named. Nor can
//! quarters of an hour that are no longer kept.

mod budgets;
mod hour;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Postgres, Row, Transaction};
use systemprompt_domain::period::Interval;
use time::macros::datetime;
use time::{Date, OffsetDateTime};

pub use self::budgets::check_budgets;
pub use self::hour::{check_hour, closed_hours};
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
const ACTIVITY: &str = include_str!("check/activity.sql");
const AUDIT: &str = include_str!("check/audit.sql");
const TOOLS: &str = include_str!("check/tools.sql");
const TOOLS_LATENCY: &str = include_str!("check/tools_latency.sql");
const TOOLS_ERRORS: &str = include_str!("check/tools_errors.sql");

/// All time that PostgreSQL and we can write.
const ALWAYS: Interval = Interval {
    since: datetime!(0001-01-01 0:00 UTC),
    until: datetime!(9999-12-31 0:00 UTC),
};
const WEB: &str = include_str!("check/web.sql");
const PAGES: &str = include_str!("check/pages.sql");

const QUARTER: (&str, &str) = ("quarter", "15 minutes");
const HOUR: (&str, &str) = ("hour", "1 hour");
const DAY: (&str, &str) = ("day", "1 day");

const REQUESTS: [Rollup; 8] = [
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

const ACTIVITIES: [Rollup; 3] = [
    rollup(
        "activity_quarter",
        ACTIVITY,
        QUARTER,
        &["category", "agent", "entity", "user", "full"],
    ),
    rollup(
        "activity_hour",
        ACTIVITY,
        HOUR,
        &["category", "agent", "entity"],
    ),
    rollup(
        "activity_day",
        ACTIVITY,
        DAY,
        &["category", "agent", "entity", "user", "full"],
    ),
];

const AUDITED: [Rollup; 3] = [
    rollup("audit_quarter", AUDIT, QUARTER, &[]),
    rollup("audit_hour", AUDIT, HOUR, &[]),
    rollup("audit_day", AUDIT, DAY, &[]),
];

const TOOL_CUBES: &[&str] = &["total", "tool", "agent_tool"];
const TOOL_AND_USER_CUBES: &[&str] = &["total", "tool", "agent_tool", "full"];

const TOOL_CALLS: [Rollup; 8] = [
    rollup("tool_quarter", TOOLS, QUARTER, TOOL_AND_USER_CUBES),
    rollup("tool_hour", TOOLS, HOUR, TOOL_CUBES),
    rollup("tool_day", TOOLS, DAY, TOOL_AND_USER_CUBES),
    rollup("tool_latency_quarter", TOOLS_LATENCY, QUARTER, TOOL_CUBES),
    rollup("tool_latency_hour", TOOLS_LATENCY, HOUR, TOOL_CUBES),
    rollup("tool_latency_day", TOOLS_LATENCY, DAY, TOOL_CUBES),
    rollup("tool_errors_quarter", TOOLS_ERRORS, QUARTER, &[]),
    rollup("tool_errors_hour", TOOLS_ERRORS, HOUR, &[]),
];

const WEB_CUBES: &[&str] = &["total", "bot", "source", "geo", "device"];
const PAGE_CUBES: &[&str] = &["page", "next", "ai"];

const VISITED: [Rollup; 6] = [
    rollup("web_quarter", WEB, QUARTER, WEB_CUBES),
    rollup("web_hour", WEB, HOUR, WEB_CUBES),
    rollup("web_day", WEB, DAY, WEB_CUBES),
    rollup("page_quarter", PAGES, QUARTER, PAGE_CUBES),
    rollup("page_hour", PAGES, HOUR, PAGE_CUBES),
    rollup("page_day", PAGES, DAY, PAGE_CUBES),
];

/// The rollups, by the statement for the UTC days that were counted and whose
/// detail is not there, or not all of it.
const ALL: [(&str, &[Rollup]); 5] = [
    (include_str!("check/left_out.sql"), &REQUESTS),
    (include_str!("check/activity_left_out.sql"), &ACTIVITIES),
    (include_str!("check/audit_left_out.sql"), &AUDITED),
    (include_str!("check/tools_left_out.sql"), &TOOL_CALLS),
    (include_str!("check/web_left_out.sql"), &VISITED),
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
        for rollup in rollups {
            let left_out = if rollup.grain == QUARTER.0 {
                &without_quarters
            } else {
                &days
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

/// The UTC days before `from` on which anything was counted.
async fn days_before(
    db: &mut PgConnection,
    from: Option<OffsetDateTime>,
) -> Result<Vec<OffsetDateTime>, sqlx::Error> {
    let days = "select bucket from usage_day where cube = 'total' and bucket < $1 \
                union select bucket from activity_day where cube = 'full' and bucket < $1 \
                union select bucket from tool_day where cube = 'total' and bucket < $1 \
                union select bucket from audit_day where bucket < $1 \
                union select bucket from web_day where bucket < $1 \
                union select bucket from page_day where bucket < $1";
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
