//! Content: pages that are registered or discovered, and how each does among
//! people.
//!
//! Figures are made from the rollups of pages: those of a page whose counts changed,
//! and of every page with views of late once a day, as the last seven days move on.
//! Making them again from nothing gives the same.

use serde_json::json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use systemprompt_web::{Page, Rules, Trend, Views, trend};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::audit::{self, Entry};

/// One aggregation at a time on all servers.
const LOCK: i64 = 0x0063_6f6e_7465_6e74;
/// Classes that are people: `content_performance_metrics` knows no others.
const PEOPLE: [&str; 2] = ["clean_human", "unconfirmed"];

/// A page that is to count as content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContent {
    /// The site's host.
    pub site: String,
    /// The path, as [`path_of`] writes it.
    pub path: String,
    /// The title; empty leaves the one that is known.
    pub title: String,
    /// What kind of content it is; empty leaves the one that is known.
    pub kind: String,
}

/// What became of a page that was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    Created(Uuid),
    /// It was known, and has this title and kind now.
    Updated(Uuid),
    /// It was known as it is.
    Same(Uuid),
}

/// A page as it counts: no query, no fragment, no slash at the end.
#[must_use]
pub fn path_of(text: &str) -> String {
    Page::parse(text).path
}

/// Registers pages, all of them or, with an error, none. `by` is who does.
///
/// # Errors
/// When the database fails.
pub async fn register(
    pool: &PgPool,
    items: &[NewContent],
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Vec<Registered>, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let mut tx = db.begin().await?;
    let mut registered = Vec::with_capacity(items.len());
    for item in items {
        registered.push(upsert(&mut tx, item, "registered", by, now).await?);
    }
    tx.commit().await?;
    Ok(registered)
}

async fn upsert(
    db: &mut PgConnection,
    item: &NewContent,
    origin: &str,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Registered, sqlx::Error> {
    let id = Uuid::now_v7();
    let created: Option<Uuid> = sqlx::query_scalar(
        "insert into content_items (id, site, path, title, kind, origin, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (site, path) do nothing returning id",
    )
    .bind(id)
    .bind(&item.site)
    .bind(&item.path)
    .bind(&item.title)
    .bind(&item.kind)
    .bind(origin)
    .bind(now)
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = created {
        let detail = json!({"site": item.site, "path": item.path, "origin": origin});
        let entry = Entry {
            by,
            subject: Some(id),
            ..Entry::administration("content_created", now, &detail)
        };
        audit::append(db, entry).await?;
        return Ok(Registered::Created(id));
    }
    let updated: Option<Uuid> = sqlx::query_scalar(
        "update content_items set \
             title = case when $3 = '' then title else $3 end, \
             kind = case when $4 = '' then kind else $4 end, \
             origin = case when $5 = 'registered' then $5 else origin end, updated_at = $6 \
         where site = $1 and path = $2 \
           and ($3 <> '' and title <> $3 or $4 <> '' and kind <> $4 \
               or $5 = 'registered' and origin <> $5) \
         returning id",
    )
    .bind(&item.site)
    .bind(&item.path)
    .bind(&item.title)
    .bind(&item.kind)
    .bind(origin)
    .bind(now)
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = updated {
        return Ok(Registered::Updated(id));
    }
    let id = sqlx::query_scalar("select id from content_items where site = $1 and path = $2")
        .bind(&item.site)
        .bind(&item.path)
        .fetch_one(db)
        .await?;
    Ok(Registered::Same(id))
}

/// Removes a page from content; its views stay counted. `false` if it was none.
///
/// # Errors
/// When the database fails.
pub async fn remove(
    pool: &PgPool,
    site: &str,
    path: &str,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let mut tx = db.begin().await?;
    let gone: Option<Uuid> =
        sqlx::query_scalar("delete from content_items where site = $1 and path = $2 returning id")
            .bind(site)
            .bind(path)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(id) = gone else {
        return Ok(false);
    };
    let detail = json!({"site": site, "path": path});
    let entry = Entry {
        by,
        subject: Some(id),
        ..Entry::administration("content_deleted", now, &detail)
    };
    audit::append(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// The sites on which a path is content.
///
/// # Errors
/// When the database fails.
pub async fn sites_of(pool: &PgPool, path: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("select site from content_items where path = $1 order by site")
        .bind(path)
        .fetch_all(pool)
        .await
}

/// What an aggregation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aggregated {
    /// Pages that were discovered to be content.
    pub discovered: usize,
    /// Content whose figures were made again.
    pub updated: usize,
}

/// Figures of one page, as the rollups have them.
#[derive(Debug, FromRow)]
struct Figures {
    id: Uuid,
    created_at: OffsetDateTime,
    first_day: Option<OffsetDateTime>,
    views: i64,
    visitors: i64,
    timed: i64,
    engaged_ms: i64,
    scrolled: i64,
    scroll: i64,
    clicks: i64,
    last_7: i64,
    last_30: i64,
    week: i64,
    weeks_before: i64,
}

impl Figures {
    /// Where its views are going; its first day is the first on which it was seen.
    fn trend(&self, today: Date) -> Trend {
        let first = self
            .first_day
            .map_or(self.created_at, |day| day.min(self.created_at));
        let age = (today - first.to_offset(UtcOffset::UTC).date()).whole_days();
        trend(Views {
            last_7_days: count(self.week),
            previous_21_days: count(self.weeks_before),
            age_days: u32::try_from(age).unwrap_or_default(),
        })
    }
}

/// `content_analytics_aggregation`: discovers content by `rules` and brings its
/// figures up to date; with `rebuild` all of them. `None` where another process is
/// about it.
///
/// # Errors
/// When the database fails: nothing was changed.
pub async fn aggregate(
    pool: &PgPool,
    rules: &Rules,
    now: OffsetDateTime,
    rebuild: bool,
) -> Result<Option<Aggregated>, sqlx::Error> {
    let today = now.to_offset(UtcOffset::UTC).date();
    let mut db = pool.acquire().await?;
    let mut tx = db.begin().await?;
    let mine: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(None);
    }
    let changed: Vec<(String, String, String)> =
        sqlx::query_as("delete from content_changes returning site, path, title")
            .fetch_all(&mut *tx)
            .await?;
    let discovered = discover(&mut tx, rules, &changed, now).await?;
    let changed = changed.into_iter().map(|(site, path, _)| (site, path));
    let (sites, paths): (Vec<_>, Vec<_>) = changed.unzip();
    let figures: Vec<Figures> = sqlx::query_as(include_str!("content_figures.sql"))
        .bind(rebuild)
        .bind(&sites)
        .bind(&paths)
        .bind(today)
        .bind(today.midnight().assume_utc())
        .bind(PEOPLE)
        .fetch_all(&mut *tx)
        .await?;
    write(&mut tx, &figures, today, now).await?;
    tx.commit().await?;
    Ok(Some(Aggregated {
        discovered,
        updated: figures.len(),
    }))
}

/// Registers those of the pages that rules call content.
async fn discover(
    db: &mut PgConnection,
    rules: &Rules,
    changed: &[(String, String, String)],
    now: OffsetDateTime,
) -> Result<usize, sqlx::Error> {
    let found = changed.iter().filter_map(|(site, path, title)| {
        let kind = rules.content(path)?.kind;
        Some((site.as_str(), path.as_str(), kind, title.as_str()))
    });
    let found: Vec<_> = found.collect();
    // Only what people looked at: scanners would make up content.
    let new: Vec<(String, String, String, String)> = sqlx::query_as(
        "select c.site, c.path, c.kind, c.title \
         from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as c (site, path, kind, title) \
         where not exists (select from content_items i where i.site = c.site and i.path = c.path) \
           and exists (select from page_day p where p.cube = 'page' and p.site = c.site \
               and p.path = c.path and p.class = any($5) and p.views > 0)",
    )
    .bind(found.iter().map(|(site, ..)| *site).collect::<Vec<_>>())
    .bind(found.iter().map(|(_, path, ..)| *path).collect::<Vec<_>>())
    .bind(found.iter().map(|(.., kind, _)| kind).collect::<Vec<_>>())
    .bind(found.iter().map(|(.., title)| *title).collect::<Vec<_>>())
    .bind(PEOPLE)
    .fetch_all(&mut *db)
    .await?;
    for (site, path, kind, title) in &new {
        let item = NewContent {
            site: site.clone(),
            path: path.clone(),
            title: title.clone(),
            kind: kind.clone(),
        };
        upsert(db, &item, "discovered", None, now).await?;
    }
    Ok(new.len())
}

async fn write(
    db: &mut PgConnection,
    figures: &[Figures],
    today: Date,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    if figures.is_empty() {
        return Ok(());
    }
    let of = |f: fn(&Figures) -> i64| figures.iter().map(f).collect::<Vec<_>>();
    let mean = |f: fn(&Figures) -> Option<f64>| figures.iter().map(f).collect::<Vec<_>>();
    let trends: Vec<Trend> = figures.iter().map(|f| f.trend(today)).collect();
    sqlx::query(
        "insert into content_performance_metrics (content_id, total_views, unique_visitors, \
             avg_time_seconds, avg_scroll, clicks, views_last_7_days, views_last_30_days, \
             trend_direction, trend_ratio, is_new, aggregated_for, updated_at) \
         select m.*, $12, $13 from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::float8[], \
             $5::float8[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::float8[], \
             $11::bool[]) as m \
         on conflict (content_id) do update set \
             total_views = excluded.total_views, unique_visitors = excluded.unique_visitors, \
             avg_time_seconds = excluded.avg_time_seconds, avg_scroll = excluded.avg_scroll, \
             clicks = excluded.clicks, views_last_7_days = excluded.views_last_7_days, \
             views_last_30_days = excluded.views_last_30_days, \
             trend_direction = excluded.trend_direction, trend_ratio = excluded.trend_ratio, \
             is_new = excluded.is_new, aggregated_for = excluded.aggregated_for, \
             updated_at = excluded.updated_at",
    )
    .bind(figures.iter().map(|f| f.id).collect::<Vec<_>>())
    .bind(of(|f| f.views))
    .bind(of(|f| f.visitors))
    .bind(mean(|f| {
        average(f.engaged_ms, f.timed).map(|ms| ms / 1_000.0)
    }))
    .bind(mean(|f| average(f.scroll, f.scrolled)))
    .bind(of(|f| f.clicks))
    .bind(of(|f| f.last_7))
    .bind(of(|f| f.last_30))
    .bind(
        trends
            .iter()
            .map(|trend| trend.direction.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(trends.iter().map(|trend| trend.ratio).collect::<Vec<_>>())
    .bind(trends.iter().map(|trend| trend.is_new).collect::<Vec<_>>())
    .bind(today)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn average(sum: i64, n: i64) -> Option<f64> {
    (n > 0).then(|| sum as f64 / n as f64)
}
