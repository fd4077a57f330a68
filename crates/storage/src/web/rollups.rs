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

/// What a row of either kind is found by. The dimensions are those of the cube: see
/// the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    /// Seconds since 1970.
    bucket: i64,
    cube: &'static str,
    /// Site, class and the three dimensions, by their numbers in [`Names`].
    names: [u32; 5],
}

/// Texts by number: each is looked at once, and keys of millions of rows are numbers.
#[derive(Debug, Default)]
struct Names<'a> {
    numbers: HashMap<&'a str, u32, RandomState>,
    names: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> u32 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            u32::try_from(self.names.len() - 1).expect("a batch has fewer names")
        })
    }

    fn of(&self, key: &Key) -> [&'a str; 5] {
        key.names.map(|number| self.names[number as usize])
    }

    /// The place of each number's text among all, sorted: as good as the text itself
    /// to sort by, and the same on every server.
    fn ranks(&self) -> Vec<u32> {
        let mut sorted: Vec<_> = self.names.iter().zip(0_u32..).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for ((_, number), rank) in sorted.into_iter().zip(0..) {
            ranks[number as usize] = rank;
        }
        ranks
    }
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
    names: Names<'a>,
    sums: HashMap<Key, S, RandomState>,
    candidates: Vec<(Date, Key, Uuid)>,
}

impl<'a, S: Sums> Tally<'a, S> {
    fn new() -> Self {
        Self {
            names: Names::default(),
            sums: HashMap::default(),
            candidates: Vec::new(),
        }
    }

    fn add(&mut self, key: Key, sums: &S, times: i64) {
        self.sums.entry(key).or_default().add(sums, times);
    }

    /// Counts the visitors of an import, on days that are its own.
    fn count_visitors(&mut self, seen: &mut Seen) {
        for (day, key, visitor) in &self.candidates {
            // When a row was added to is no part of what it stands for.
            let what = (key.cube, self.names.of(key), visitor);
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
    let [site, class] = [&*s.site, &s.class].map(|name| web.names.number(name));
    for (cube, d) in cubes {
        let [d1, d2, d3] = d.map(|name| web.names.number(name));
        let key = Key {
            bucket: quarter(s.started_at),
            cube,
            names: [site, class, d1, d2, d3],
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
    let [site, class, none] =
        [&*session.site, &session.class, ""].map(|name| pages.names.number(name));
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
        let path = pages.names.number(&view.path);
        let key = |cube, other| Key {
            bucket: quarter(view.created_at),
            cube,
            names: [site, class, path, other, none],
        };
        let page = key("page", none);
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
        let next = pages.names.number(next);
        if next != path {
            pages.add(key("next", next), &alone, times);
        }
        if session.bot_kind.starts_with("ai_") {
            let operator = pages.names.number(&session.bot_operator);
            pages.add(key("ai", operator), &alone, times);
        }
    }
}

/// Adds a visitor to each row that has not counted it on that day.
async fn count_visitors<S: Sums>(
    db: &mut PgConnection,
    tally: &mut Tally<'_, S>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let Tally {
        names,
        sums,
        candidates,
    } = tally;
    if candidates.is_empty() {
        return Ok(());
    }
    let days = candidates.iter().map(|(day, ..)| *day);
    let cubes = candidates.iter().map(|(_, key, _)| key.cube);
    let visitors = candidates.iter().map(|(.., visitor)| *visitor);
    let mut query = sqlx::query_scalar(include_str!("visitors.sql"))
        .bind(days.collect::<Vec<_>>())
        .bind(cubes.collect::<Vec<_>>());
    for n in 0..5 {
        let column = candidates.iter().map(|(_, key, _)| names.of(key)[n]);
        query = query.bind(column.collect::<Vec<_>>());
    }
    let query = query.bind(visitors.collect::<Vec<_>>()).bind(now);
    let new: Vec<i64> = query.fetch_all(db).await?;
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
