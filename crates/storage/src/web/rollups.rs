//! What sessions add to the counts by quarter, hour and day.
//!
//! A session counts where it began, its pages where they were seen. Deltas are sent
//! in key order, so that two servers that add to the same rows wait for each other
//! instead of deadlocking. Where an import knows that a bucket is empty, its rows are
//! copied into it, which costs a third of looking for rows to add to.

mod write;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use sqlx::PgConnection;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use self::write::write;
use super::import::Seen;
use super::session::{Session, View};

/// Engaged for this long, a session is engaged whatever its pages.
pub(super) const ENGAGED_MS: i64 = 10_000;

/// Grains of sessions, the finest first, with their seconds.
const GRAINS: [(&str, i64); 3] = [("quarter", 900), ("hour", 3_600), ("day", 86_400)];
/// Those of pages, which are many.
const PAGE_GRAINS: [(&str, i64); 4] = [GRAINS[0], GRAINS[1], GRAINS[2], ("week", 604_800)];

/// What a row of either kind is found by, in the order in which rows are locked.
/// The dimensions are those of the cube: see the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key<'a> {
    /// Seconds since 1970. First, as it is compared fastest.
    bucket: i64,
    cube: &'static str,
    site: &'a str,
    class: &'a str,
    d: [&'a str; 3],
}

/// Figures that add up.
trait Sums: Copy + Default {
    /// The tables, without their grain; how many dimensions they have; all their columns.
    const TABLE: &'static str;
    const DIMENSIONS: usize;
    const COLUMNS: &'static str;
    /// The statement that adds to rows, with the grain left open.
    const ADD: &'static str;

    fn add(&mut self, other: &Self, times: i64);
    fn visitors(&mut self) -> &mut i64;
    /// The figures in the order of the statement that adds them.
    fn figures(&self) -> Vec<i64>;
}

macro_rules! sums {
    (
        $(#[$meta:meta])*
        $name:ident in $table:literal by ($($dimension:literal),+) { $($field:ident),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default)]
        struct $name { $($field: i64),+ }

        impl Sums for $name {
            const TABLE: &'static str = $table;
            const DIMENSIONS: usize = [$($dimension),+].len();
            const COLUMNS: &'static str = concat!(
                "cube, bucket, site, class",
                $(", ", $dimension,)+
                $(", ", stringify!($field)),+
            );
            const ADD: &'static str = include_str!(concat!($table, "_rollups.sql"));

            fn add(&mut self, other: &Self, times: i64) {
                $(self.$field = self.$field.saturating_add(other.$field.saturating_mul(times));)+
            }

            fn visitors(&mut self) -> &mut i64 {
                &mut self.visitors
            }

            fn figures(&self) -> Vec<i64> {
                vec![$(self.$field),+]
            }
        }
    };
}

sums!(
    /// The figures of `web_*`.
    WebSums in "web" by ("d1", "d2", "d3") {
        sessions, visitors, engaged, tracked, events, pages, requests, engaged_ms, scrolled,
        scroll, clicks, duration_ms,
    }
);

sums!(
    /// The figures of `page_*`.
    PageSums in "page" by ("path", "other") {
        views, visitors, timed, engaged_ms, scrolled, scroll, clicks, entries, exits, bounced,
        skimmed, read, deep_read, left_open,
    }
);

/// Figures by key at the finest grain, and who may have to be counted where.
#[derive(Debug)]
struct Tally<'a, S> {
    // Keys are long and many: the hash of the standard library would take a tenth of an import.
    sums: HashMap<Key<'a>, S, RandomState>,
    candidates: Vec<(Date, Key<'a>, Uuid)>,
}

impl<'a, S: Sums> Tally<'a, S> {
    fn new() -> Self {
        Self {
            sums: HashMap::default(),
            candidates: Vec::new(),
        }
    }

    fn add(&mut self, key: Key<'a>, sums: &S, times: i64) {
        self.sums.entry(key).or_default().add(sums, times);
    }

    /// Counts the visitors of an import, on days that are its own.
    fn count_visitors(&mut self, seen: &mut Seen) {
        for (day, key, visitor) in &self.candidates {
            // When a row was added to is no part of what it stands for.
            let what = (key.cube, key.site, key.class, key.d, visitor);
            if seen.is_new(*day, what) {
                *self.sums.entry(*key).or_default().visitors() += 1;
            }
        }
    }
}

/// A session that is over, with what it looked at.
pub(super) type Closed = (Session, Vec<View>);

/// Adds sessions with their pages, and visitors who were not counted before.
pub(super) async fn add(
    db: &mut PgConnection,
    closed: &[Closed],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let (mut web, mut pages) = tally(closed, 1);
    count_visitors(db, &mut web, now).await?;
    count_visitors(db, &mut pages, now).await?;
    write(db, &web, &pages, None).await?;
    note_changes(db, closed).await
}

/// The same of an import, which remembers its visitors itself.
pub(super) async fn add_imported(
    db: &mut PgConnection,
    closed: &[Closed],
    seen: &mut Seen,
) -> Result<(), sqlx::Error> {
    let (mut web, mut pages) = tally(closed, 1);
    web.count_visitors(seen);
    pages.count_visitors(seen);
    write(db, &web, &pages, Some(seen)).await?;
    note_changes(db, closed).await
}

/// Takes back what sessions added, save the visitors.
pub(super) async fn subtract(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let (web, pages) = tally(closed, -1);
    write(db, &web, &pages, None).await?;
    note_changes(db, closed).await
}

/// Adds sessions with their pages, save the visitors.
pub(super) async fn add_again(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let (web, pages) = tally(closed, 1);
    write(db, &web, &pages, None).await
}

fn tally(closed: &[Closed], times: i64) -> (Tally<'_, WebSums>, Tally<'_, PageSums>) {
    let (mut web, mut pages) = (Tally::new(), Tally::new());
    for (session, views) in closed {
        session_sums(&mut web, session, times);
        page_sums(&mut pages, session, views, times);
    }
    (web, pages)
}

fn quarter(at: OffsetDateTime) -> i64 {
    let at = at.unix_timestamp();
    at - at.rem_euclid(GRAINS[0].1)
}

fn utc_date(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

fn session_sums<'a>(web: &mut Tally<'a, WebSums>, session: &'a Session, times: i64) {
    let s = session;
    let sums = WebSums {
        sessions: 1,
        visitors: 0,
        engaged: i64::from(s.engaged_ms >= ENGAGED_MS || s.pages >= 2),
        tracked: i64::from(s.events > 0),
        events: i64::from(s.events),
        pages: i64::from(s.pages),
        requests: i64::from(s.requests),
        engaged_ms: s.engaged_ms,
        scrolled: i64::from(s.max_scroll.is_some()),
        scroll: i64::from(s.max_scroll.unwrap_or_default()),
        clicks: i64::from(s.clicks),
        duration_ms: i64::try_from((s.last_seen_at - s.started_at).whole_milliseconds())
            .unwrap_or_default(),
    };
    let cubes = [
        ("total", ["", "", ""]),
        ("bot", [&*s.bot_kind, &s.bot_operator, &s.bot_name]),
        ("source", [&*s.channel, &s.source, &s.referrer]),
        ("geo", [&*s.country, &s.region, ""]),
        ("device", [&*s.device, &s.browser, &s.os]),
    ];
    for (cube, d) in cubes {
        let key = Key {
            cube,
            bucket: quarter(s.started_at),
            site: &s.site,
            class: &s.class,
            d,
        };
        web.add(key, &sums, times);
        if let Some(visitor) = s.visitor {
            web.candidates.push((utc_date(s.started_at), key, visitor));
        }
    }
}

fn page_sums<'a>(
    pages: &mut Tally<'a, PageSums>,
    session: &'a Session,
    views: &'a [View],
    times: i64,
) {
    let seen = session.seen(views);
    for (n, view) in seen.iter().enumerate() {
        let of = |pattern: &str| i64::from(view.pattern == pattern);
        let sums = PageSums {
            views: 1,
            visitors: 0,
            timed: i64::from(view.events > 0),
            engaged_ms: view.engaged_ms,
            scrolled: i64::from(view.max_scroll.is_some()),
            scroll: i64::from(view.max_scroll.unwrap_or_default()),
            clicks: i64::from(view.clicks),
            entries: i64::from(n == 0),
            exits: i64::from(n + 1 == seen.len()),
            bounced: of("bounced"),
            skimmed: of("skimmed"),
            read: of("read"),
            deep_read: of("deep_read"),
            left_open: of("left_open"),
        };
        let key = |cube, other| Key {
            cube,
            bucket: quarter(view.created_at),
            site: &session.site,
            class: &session.class,
            d: [&view.path, other, ""],
        };
        let page = key("page", "");
        pages.add(page, &sums, times);
        if let Some(visitor) = session.visitor {
            let day = utc_date(view.created_at);
            pages.candidates.push((day, page, visitor));
        }
        let alone = PageSums {
            views: 1,
            ..PageSums::default()
        };
        let next = seen.get(n + 1).map_or("", |view| &*view.path);
        if next != view.path {
            pages.add(key("next", next), &alone, times);
        }
        if session.bot_kind.starts_with("ai_") {
            pages.add(key("ai", &session.bot_operator), &alone, times);
        }
    }
}

/// Adds a visitor to each row that has not counted it on that day.
async fn count_visitors<S: Sums>(
    db: &mut PgConnection,
    tally: &mut Tally<'_, S>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let Tally { sums, candidates } = tally;
    if candidates.is_empty() {
        return Ok(());
    }
    let d = |n: usize| candidates.iter().map(move |(_, key, _)| key.d[n]);
    let new: Vec<i64> = sqlx::query_scalar(include_str!("visitors.sql"))
        .bind(candidates.iter().map(|(day, ..)| *day).collect::<Vec<_>>())
        .bind(
            candidates
                .iter()
                .map(|(_, key, _)| key.cube)
                .collect::<Vec<_>>(),
        )
        .bind(
            candidates
                .iter()
                .map(|(_, key, _)| key.site)
                .collect::<Vec<_>>(),
        )
        .bind(
            candidates
                .iter()
                .map(|(_, key, _)| key.class)
                .collect::<Vec<_>>(),
        )
        .bind(d(0).collect::<Vec<_>>())
        .bind(d(1).collect::<Vec<_>>())
        .bind(d(2).collect::<Vec<_>>())
        .bind(
            candidates
                .iter()
                .map(|(.., visitor)| *visitor)
                .collect::<Vec<_>>(),
        )
        .bind(now)
        .fetch_all(db)
        .await?;
    for n in new {
        let candidate = usize::try_from(n - 1).ok().and_then(|n| candidates.get(n));
        if let Some((_, key, _)) = candidate {
            *sums.entry(*key).or_default().visitors() += 1;
        }
    }
    Ok(())
}

/// Remembers which pages' counts changed, with the titles they have.
async fn note_changes(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let mut titles: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (session, views) in closed {
        for view in views.iter().filter(|view| view.counted) {
            let title = titles.entry((&session.site, &view.path)).or_default();
            if !view.title.is_empty() {
                *title = &view.title;
            }
        }
    }
    if titles.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into content_changes as c (site, path, title) \
         select * from unnest($1::text[], $2::text[], $3::text[]) \
         on conflict (site, path) do update set \
             title = case when excluded.title = '' then c.title else excluded.title end",
    )
    .bind(titles.keys().map(|(site, _)| *site).collect::<Vec<_>>())
    .bind(titles.keys().map(|(_, path)| *path).collect::<Vec<_>>())
    .bind(titles.values().copied().collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
