//! Ninety days of rows and rollups by set-based statements, two at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, PgPool};
use systemprompt_storage::check::check;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::rollups::{ROLLUPS, Rollup};
use crate::bench::report::count;

/// Stretches of 24 hours, the last of which ends a quarter of an hour ago:
/// conversations go on beyond the end of theirs.
const DAYS: i64 = 90;
const LAST: time::Duration = time::Duration::minutes(15);

/// What is filled for each of them, in this order.
const DAILY: [&str; 5] = [
    include_str!("fill/requests.sql"),
    include_str!("fill/tools.sql"),
    include_str!("fill/audit.sql"),
    include_str!("fill/activity.sql"),
    include_str!("fill/sessions.sql"),
];

/// What was filled, and how long it took.
pub(super) struct Filling {
    rows: u64,
    detail: Duration,
    rollups: Duration,
    checked: Option<Duration>,
}

/// Whether there are rollups already, which come last.
pub(super) async fn is_filled(pool: &PgPool) -> anyhow::Result<bool> {
    let sql = "select to_regclass('bench_filled') is not null";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

/// Fills an empty database; with `compare`, fails unless every rollup is the sum of
/// its rows.
pub(super) async fn fill(pool: &PgPool, rows: u64, compare: bool) -> anyhow::Result<Filling> {
    systemprompt_storage::migrate(pool).await?;
    let now = OffsetDateTime::now_utc();
    let say = |sql: &str| {
        let now = format!("'{}'", now.format(&Rfc3339).unwrap_or_default());
        sql.replace(":rows", &rows.to_string())
            .replace(":now", &now)
    };
    let began = Instant::now();
    run(pool, say(include_str!("fill/partitions.sql"))).await?;
    let half = |first: i64| {
        let (pool, say) = (pool.clone(), &say);
        async move {
            for part in (first..DAYS).step_by(2) {
                day(&pool, say, now, part).await?;
            }
            anyhow::Ok(())
        }
    };
    tokio::try_join!(half(0), half(1))?;
    run(pool, say(include_str!("fill/once.sql"))).await?;
    let detail = began.elapsed();

    let began = Instant::now();
    run(pool, include_str!("fill/rollups.sql").to_owned()).await?;
    let family = |first: usize| {
        let pool = pool.clone();
        async move {
            for family in ROLLUPS.iter().skip(first).step_by(2) {
                for statement in family.iter().flat_map(Rollup::statements) {
                    run(&pool, statement).await?;
                }
            }
            anyhow::Ok(())
        }
    };
    tokio::try_join!(family(0), family(1))?;
    // As autovacuum leaves rows that are not of today.
    run(pool, "vacuum (analyze)".to_owned()).await?;
    let rollups = began.elapsed();
    let checked = if compare {
        Some(compare_all(pool).await?)
    } else {
        None
    };
    run(pool, "create table bench_filled ()".to_owned()).await?;
    Ok(Filling {
        rows,
        detail,
        rollups,
        checked,
    })
}

async fn day(
    pool: &PgPool,
    say: &impl Fn(&str) -> String,
    now: OffsetDateTime,
    part: i64,
) -> anyhow::Result<()> {
    let begin = now - LAST - time::Duration::days(DAYS - part);
    let quoted = |at: OffsetDateTime| anyhow::Ok(format!("'{}'", at.format(&Rfc3339)?));
    let (begin, end) = (quoted(begin)?, quoted(begin + time::Duration::DAY)?);
    for sql in DAILY {
        let sql = say(sql)
            .replace(":begin", &begin)
            .replace(":end", &end)
            .replace(":part", &part.to_string());
        run(pool, sql).await?;
    }
    Ok(())
}

/// Statements that are all made here, with memory to sort a day in.
async fn run(pool: &PgPool, sql: String) -> anyhow::Result<()> {
    let mut db = pool.acquire().await?;
    sqlx::raw_sql("set work_mem = '256MB'")
        .execute(&mut *db)
        .await?;
    let said: String = sql.chars().take(200).collect();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *db)
        .await
        .with_context(|| said)?;
    Ok(())
}

/// The project's own check of every rollup.
async fn compare_all(pool: &PgPool) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let checked = check(pool).await?;
    let first = checked.differences.first().map(ToString::to_string);
    ensure!(
        first.is_none(),
        "the rollups are wrong: {}",
        first.unwrap_or_default()
    );
    ensure!(
        checked.left_out.is_empty(),
        "days were left out: {:?}",
        checked.left_out
    );
    Ok(began.elapsed())
}

impl Filling {
    pub(super) fn note(&self) -> String {
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let rows = count(self.rows as f64);
        let checked = self.checked.map_or_else(
            || "not compared with their rows".to_owned(),
            |took| {
                format!(
                    "equal to their rows in every figure, which took {:.0} s to find",
                    took.as_secs_f64()
                )
            },
        );
        format!(
            "{rows} requests over {DAYS} days: rows in {:.0} s, rollups in {:.0} s, {checked}; audit events are of \
             before the log and have no proof",
            self.detail.as_secs_f64(),
            self.rollups.as_secs_f64()
        )
    }
}
