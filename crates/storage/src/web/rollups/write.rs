//! Sums on their way into the tables of their grains: added to the rows that are there,
//! or copied where an import knows that there are none.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sqlx::{AssertSqlSafe, PgConnection};
use time::OffsetDateTime;

use super::{GRAINS, Key, Names, PAGE_GRAINS, PageSums, Sums, Tally, WebSums};
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
    fn rows<S: Sums>(self, tally: &Tally<'_, S>, ranks: &[u32]) -> Vec<(Key, S)> {
        let mut rows: HashMap<Key, S, RandomState> = HashMap::default();
        for (key, sums) in &tally.sums {
            let bucket = key.bucket - key.bucket.rem_euclid(self.seconds);
            if self.from.is_none_or(|from| bucket >= from.unix_timestamp()) {
                rows.entry(Key { bucket, ..*key }).or_default().add(sums, 1);
            }
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| Key {
            names: key.names.map(|number| ranks[number as usize]),
            ..*key
        });
        rows
    }
}

fn begin_of(key: &Key) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(key.bucket)
        .expect("the start of a bucket lies close to a valid time")
}

/// Adds rows to those of a table.
async fn add<S: Sums>(
    db: &mut PgConnection,
    names: &Names<'_>,
    rows: &[(Key, S)],
    grain: &str,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let cubes = rows.iter().map(|(key, _)| key.cube);
    let buckets = rows.iter().map(|(key, _)| begin_of(key));
    // The name of a table is ours.
    let mut query = sqlx::query(AssertSqlSafe(S::ADD.replace("GRAIN", grain)))
        .bind(cubes.collect::<Vec<_>>())
        .bind(buckets.collect::<Vec<_>>());
    for n in 0..5 {
        let column = rows.iter().map(|(key, _)| names.of(key)[n]);
        query = query.bind(column.collect::<Vec<_>>());
    }
    let figures: Vec<Vec<i64>> = rows.iter().map(|(_, sums)| sums.figures()).collect();
    for n in 0..figures[0].len() {
        let column = figures.iter().map(|figures| figures[n]);
        query = query.bind(column.collect::<Vec<_>>());
    }
    query.execute(db).await?;
    Ok(())
}

/// Copies rows into buckets that have none.
async fn copy<S: Sums>(
    db: &mut PgConnection,
    names: &Names<'_>,
    new: &[(Key, S)],
    grain: &str,
) -> Result<(), sqlx::Error> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::with_capacity(new.len() * 384);
    for (key, sums) in new {
        rows.begin();
        rows.value(key.cube).value(begin_of(key));
        // The site, the class and as many dimensions as there are.
        for name in &names.of(key)[..2 + S::DIMENSIONS] {
            rows.value(*name);
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
    ranks: &[u32],
    grain: Grain,
    seen: Option<&mut Seen>,
) -> Result<(), sqlx::Error> {
    let rows = grain.rows(tally, ranks);
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
    copy(&mut *db, &tally.names, &new, grain.name).await?;
    add(db, &tally.names, &more, grain.name).await
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
    let ranks = web.names.ranks();
    for each in GRAINS {
        write_grain(&mut *db, web, &ranks, grain(each), seen.as_deref_mut()).await?;
    }
    let ranks = pages.names.ranks();
    for each in PAGE_GRAINS {
        write_grain(&mut *db, pages, &ranks, grain(each), seen.as_deref_mut()).await?;
    }
    Ok(())
}
