//! What went wrong, by kind.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

use super::names::{Name, Names};
use super::{Bucket, Cube, Dimensions, Grain};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    bucket: Bucket,
    dimensions: Dimensions,
    state: &'static str,
    http_status: i16,
    error_type: Name,
    error_code: Name,
}

struct Seen {
    n: i64,
    first: OffsetDateTime,
    last: OffsetDateTime,
}

pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
    names: &Names<'_>,
) -> Result<(), sqlx::Error> {
    let failed = |request: &&RequestFinished| request.state != RequestState::Completed;
    let failed: Vec<_> = finished.iter().copied().filter(failed).collect();
    if failed.is_empty() {
        return Ok(());
    }
    for (grain, cube, sql) in [
        (
            Grain::Quarter,
            Cube::Full,
            include_str!("errors_quarter.sql"),
        ),
        (Grain::Hour, Cube::Full, include_str!("errors_hour.sql")),
        (Grain::Day, Cube::Model, include_str!("errors_day.sql")),
    ] {
        send(db, sql, &collect(&failed, names, grain, cube), names).await?;
    }
    Ok(())
}

fn collect(
    failed: &[&RequestFinished],
    names: &Names<'_>,
    grain: Grain,
    cube: Cube,
) -> BTreeMap<Key, Seen> {
    let mut sums: BTreeMap<Key, Seen> = BTreeMap::new();
    for request in failed {
        let at = request.context.created_at;
        let key = Key {
            bucket: grain.bucket(at.unix_timestamp()),
            dimensions: cube.slice(Dimensions::of(request, names)),
            state: request.state.as_str(),
            http_status: request.http_status.unwrap_or(0).cast_signed(),
            error_type: names.number(request.error_type.as_deref()),
            error_code: names.number(request.error_code.as_deref()),
        };
        let seen = sums.entry(key).or_insert(Seen {
            n: 0,
            first: at,
            last: at,
        });
        seen.n += 1;
        seen.first = seen.first.min(at);
        seen.last = seen.last.max(at);
    }
    sums
}

async fn send(
    db: &mut PgConnection,
    sql: &'static str,
    sums: &BTreeMap<Key, Seen>,
    names: &Names<'_>,
) -> Result<(), sqlx::Error> {
    let column = |of: fn(&Key) -> Name| {
        sums.keys()
            .map(|key| names.text(of(key)))
            .collect::<Vec<_>>()
    };
    sqlx::query(sql)
        .bind(sums.keys().map(|key| key.bucket.time()).collect::<Vec<_>>())
        .bind(column(|key| key.dimensions.provider))
        .bind(column(|key| key.dimensions.model))
        .bind(column(|key| key.dimensions.agent))
        .bind(column(|key| key.dimensions.user))
        .bind(sums.keys().map(|key| key.state).collect::<Vec<_>>())
        .bind(sums.keys().map(|key| key.http_status).collect::<Vec<_>>())
        .bind(column(|key| key.error_type))
        .bind(column(|key| key.error_code))
        .bind(sums.values().map(|seen| seen.n).collect::<Vec<_>>())
        .bind(sums.values().map(|seen| seen.first).collect::<Vec<_>>())
        .bind(sums.values().map(|seen| seen.last).collect::<Vec<_>>())
        .execute(db)
        .await?;
    Ok(())
}
