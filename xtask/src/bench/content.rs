//! What bringing content's figures up to date costs over months of traffic, and that
//! figures made again from nothing are the same, as are those of the detail.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sqlx::{AssertSqlSafe, PgPool};
use systemprompt_storage::web::content::{Aggregated, aggregate};
use systemprompt_web::Rules;
use time::{Date, Duration as Span, OffsetDateTime};

use super::ingest::database::Cluster;
use super::report::{Report, Table, count, millis};
use super::{folder, machine};

/// How much traffic there is.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Engagement events
    #[arg(long, default_value_t = 20_000_000)]
    events: i64,
    /// Days over which they lie
    #[arg(long, default_value_t = 90)]
    days: i64,
    /// Pages that are content
    #[arg(long, default_value_t = 5_000)]
    pages: i32,
}

/// Engagement events of one page view.
const EVENTS: i64 = 5;
const TABLES: [&str; 3] = ["user_sessions", "page_views", "engagement_events"];

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let less = if quick { 100 } else { 1 };
    let views = options.events / EVENTS / options.days / less;
    ensure!(views > 0, "there must be more events than days");
    let mut report = Report::new("Content");
    let folder = folder("content")?;
    let cluster = Cluster::start(folder.path()).await?;
    let database = cluster.database().await?;
    let pool = database.pool();
    let now = OffsetDateTime::now_utc();
    let today = now.date();
    let began = Instant::now();
    for ago in (0..options.days).rev() {
        let day = today - Span::days(ago);
        // Of today there is what has happened so far.
        let part = match ago {
            0 => views * i64::from(now.hour() * 4 + now.minute() / 15).max(1) / 96,
            _ => views,
        };
        make_day(pool, day, part, options.pages).await?;
    }
    let made = began.elapsed();
    let events = number(pool, "select count(*) from engagement_events").await?;
    sqlx::raw_sql("vacuum (analyze)").execute(pool).await?;
    cluster.settle().await?;

    let mut table = Table::new("content_analytics_aggregation", &["run", "content", "ms"]);
    let mut timed = async |name: &str, at: OffsetDateTime, rebuild: bool| {
        let began = Instant::now();
        let done = aggregate(pool, Rules::built_in(), at, rebuild).await?;
        let time = began.elapsed();
        let Aggregated { updated, .. } = done.context("nobody else aggregates")?;
        table.row([name.to_owned(), count(updated as f64), millis(time)]);
        anyhow::Ok(time)
    };
    timed("first", now, false).await?;
    change(pool, now).await?;
    let incremental = timed("incremental, a quarter of an hour", now, false).await?;
    let idle = timed("incremental, nothing new", now, false).await?;
    let midnight = timed("the first of a day", now + Span::DAY, false).await?;
    timed("back to today", now, true).await?;
    let before = figures(pool).await?;
    timed("rebuild", now, true).await?;
    ensure!(
        before == figures(pool).await?,
        "a rebuild gives other figures"
    );
    let detail = Instant::now();
    let wrong = number(pool, include_str!("content/differences.sql")).await?;
    ensure!(
        wrong == 0,
        "the figures of {wrong} pages are not those of their events"
    );
    report.table(table);
    report.note(format!(
        "{} engagement events, {} page views over {} days, {} pages; made in {:.0} s",
        count(events as f64),
        count(events as f64 / EVENTS as f64),
        options.days,
        options.pages,
        made.as_secs_f64()
    ));
    report.note(format!(
        "a rebuild gave the same figures, and so did every event read again ({:.0} s)",
        detail.elapsed().as_secs_f64()
    ));
    report.note(format!("load average after the run: {}", machine::load()));
    for (name, time) in [
        ("incremental", incremental),
        ("idle", idle),
        ("midnight", midnight),
    ] {
        if time > Duration::from_secs(2) {
            report.note(format!("{name} run over 2 s: {} ms", millis(time)));
        }
    }
    database.remove().await?;
    cluster.stop().await?;
    Ok(report)
}

/// A day of traffic: sessions, views and events, and what they add to the counts.
async fn make_day(pool: &PgPool, day: Date, views: i64, pages: i32) -> anyhow::Result<()> {
    let next = day.next_day().context("the calendar ends")?;
    for table in TABLES {
        let sql = format!(
            "create table if not exists {table}_bench_{} partition of {table} for values from ('{day} 00:00+00') to ('{next} 00:00+00')",
            day.to_julian_day()
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    }
    let since = day.midnight().assume_utc();
    for sql in [
        include_str!("content/sessions.sql"),
        include_str!("content/views.sql"),
        include_str!("content/events.sql"),
        include_str!("content/rollups.sql"),
    ] {
        sqlx::query(sql)
            .bind(since)
            .bind(views)
            .bind(pages)
            .bind(EVENTS)
            .execute(pool)
            .await?;
    }
    Ok(())
}

/// What closing sessions for a quarter of an hour leaves to be done.
async fn change(pool: &PgPool, now: OffsetDateTime) -> anyhow::Result<()> {
    sqlx::query(
        "insert into content_changes (site, path, title) \
         select distinct site, path, '' from page_views \
         where created_at >= $1::timestamptz - interval '1 day' \
           and created_at < $1::timestamptz - interval '1 day' + interval '15 minutes' \
         on conflict do nothing",
    )
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}

async fn figures(pool: &PgPool) -> anyhow::Result<String> {
    let sql = "select md5(string_agg(concat_ws(' ', content_id, total_views, unique_visitors, avg_time_seconds, \
               avg_scroll, clicks, views_last_7_days, views_last_30_days, trend_direction, trend_ratio, is_new), \
               ' ' order by content_id)) from content_performance_metrics";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

async fn number(pool: &PgPool, sql: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}
