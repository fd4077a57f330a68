//! Sums on their way into the tables of their grains: added to the rows that are there,
//! or copied where an import knows that there are none.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use super::{GRAINS, Key, PAGE_GRAINS, PageSums, Sums, Tally, WebSums};
use crate::copy::Rows;
use crate::retention::{QUARTERS, kept_from};
use crate::web::import::Seen;

/// A grain: its name, the seconds of a bucket, and where the buckets begin that are kept.
#[derive(Clone, Copy, Debug)]
struct Grain {
    name: &'static str,
    seconds: i64,
    from: Option<OffsetDateTime>,
}

impl Grain {
    /// The rows of this grain, in the order in which they are locked.
    fn rows<'a, S: Sums>(self, tally: &Tally<'a, S>) -> Vec<(Key<'a>, S)> {
        let mut rows: HashMap<Key<'a>, S, RandomState> = HashMap::default();
        for (key, sums) in &tally.sums {
            let bucket = key.bucket - key.bucket.rem_euclid(self.seconds);
            if self.from.is_none_or(|from| bucket >= from.unix_timestamp()) {
                rows.entry(Key { bucket, ..*key }).or_default().add(sums, 1);
            }
        }
        // Sorted once: looking for places in a sorted map compares many times as often.
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows
    }
}

fn begin_of(key: &Key<'_>) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(key.bucket)
        .expect("the start of a bucket lies close to a valid time")
}

/// Rows of one grain of `web_*` or `page_*`, a vector for each column.
#[derive(Debug, Default)]
struct Columns<'a> {
    cubes: Vec<&'static str>,
    buckets: Vec<OffsetDateTime>,
    sites: Vec<&'a str>,
    classes: Vec<&'a str>,
    d: [Vec<&'a str>; 3],
    figures: Vec<Vec<i64>>,
}

impl<'a> Columns<'a> {
    fn of<S: Sums>(rows: &[(Key<'a>, S)]) -> Self {
        let mut columns = Self::default();
        for (key, sums) in rows {
            columns.push(key, &sums.figures());
        }
        columns
    }

    fn push(&mut self, key: &Key<'a>, figures: &[i64]) {
        self.cubes.push(key.cube);
        self.buckets.push(begin_of(key));
        self.sites.push(key.site);
        self.classes.push(key.class);
        for (column, d) in self.d.iter_mut().zip(key.d) {
            column.push(d);
        }
        self.figures.resize_with(figures.len(), Vec::new);
        for (column, figure) in self.figures.iter_mut().zip(figures) {
            column.push(*figure);
        }
    }

    /// Adds the rows to those of a table, by a statement that leaves the grain open.
    async fn add(self, db: &mut PgConnection, sql: &str, grain: &str) -> Result<(), sqlx::Error> {
        if self.cubes.is_empty() {
            return Ok(());
        }
        // The name of a table is ours.
        let mut query = sqlx::query(AssertSqlSafe(sql.replace("GRAIN", grain)))
            .bind(self.cubes)
            .bind(self.buckets)
            .bind(self.sites)
            .bind(self.classes);
        for column in self.d {
            query = query.bind(column);
        }
        for column in self.figures {
            query = query.bind(column);
        }
        query.execute(db).await?;
        Ok(())
    }
}

/// Copies rows into buckets that have none.
async fn copy<S: Sums>(
    db: &mut PgConnection,
    new: &[(Key<'_>, S)],
    grain: &str,
) -> Result<(), sqlx::Error> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::with_capacity(new.len() * 384);
    for (key, sums) in new {
        rows.begin();
        rows.value(key.cube)
            .value(begin_of(key))
            .value(key.site)
            .value(key.class);
        for d in &key.d[..S::DIMENSIONS] {
            rows.value(*d);
        }
        for figure in sums.figures() {
            rows.value(figure);
        }
    }
    let (table, columns) = (S::TABLE, S::COLUMNS);
    let statement = format!("copy {table}_{grain} ({columns}) from stdin (format binary)");
    rows.send(db, &statement).await
}

/// Adds the sums of a grain, `seen` by an import or not.
async fn write_grain<S: Sums>(
    db: &mut PgConnection,
    tally: &Tally<'_, S>,
    grain: Grain,
    seen: Option<&mut Seen>,
) -> Result<(), sqlx::Error> {
    let rows = grain.rows(tally);
    let (new, more) = match seen {
        Some(seen) => {
            let is_new = |bucket| seen.is_empty(S::TABLE, grain.seconds, bucket);
            let split = rows.into_iter().partition(|(key, _)| is_new(key.bucket));
            let (new, more): (Vec<_>, Vec<_>) = split;
            for (key, _) in &new {
                seen.fill(S::TABLE, grain.seconds, key.bucket);
            }
            (new, more)
        }
        None => (Vec::new(), rows),
    };
    copy(&mut *db, &new, grain.name).await?;
    Columns::of(&more).add(db, S::ADD, grain.name).await
}

pub(super) async fn write(
    db: &mut PgConnection,
    web: &Tally<'_, WebSums>,
    pages: &Tally<'_, PageSums>,
    mut seen: Option<&mut Seen>,
) -> Result<(), sqlx::Error> {
    // Quarters that are kept no more are not made again.
    let kept = kept_from(&mut *db, QUARTERS).await?;
    let grain = |(name, seconds)| Grain {
        name,
        seconds,
        from: kept.filter(|_| name == GRAINS[0].0),
    };
    for each in GRAINS {
        write_grain(&mut *db, web, grain(each), seen.as_deref_mut()).await?;
    }
    for each in PAGE_GRAINS {
        write_grain(&mut *db, pages, grain(each), seen.as_deref_mut()).await?;
    }
    Ok(())
}
