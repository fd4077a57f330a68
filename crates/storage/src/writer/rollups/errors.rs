//! What went wrong, by kind.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

use super::{Dimensions, Grain};
use crate::writer::rows::text;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    bucket: OffsetDateTime,
    dimensions: Dimensions<'a>,
    state: &'static str,
    http_status: i16,
    error_type: &'a str,
    error_code: &'a str,
}

struct Seen {
    n: i64,
    first: OffsetDateTime,
    last: OffsetDateTime,
}

pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
) -> Result<(), sqlx::Error> {
    if finished
        .iter()
        .all(|request| request.state == RequestState::Completed)
    {
        return Ok(());
    }
    send(
        db,
        include_str!("errors_quarter.sql"),
        &collect(finished, Grain::Quarter),
    )
    .await?;
    send(
        db,
        include_str!("errors_hour.sql"),
        &collect(finished, Grain::Hour),
    )
    .await
}

fn collect<'a>(finished: &[&'a RequestFinished], grain: Grain) -> BTreeMap<Key<'a>, Seen> {
    let mut sums: BTreeMap<Key<'_>, Seen> = BTreeMap::new();
    for request in finished
        .iter()
        .filter(|request| request.state != RequestState::Completed)
    {
        let at = request.context.created_at;
        let key = Key {
            bucket: grain.bucket(at),
            dimensions: Dimensions::of(request),
            state: request.state.as_str(),
            http_status: request.http_status.unwrap_or(0).cast_signed(),
            error_type: request.error_type.as_deref().unwrap_or(""),
            error_code: request.error_code.as_deref().unwrap_or(""),
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
    sums: &BTreeMap<Key<'_>, Seen>,
) -> Result<(), sqlx::Error> {
    let column = |of: fn(&Key<'_>) -> Option<String>| sums.keys().map(of).collect::<Vec<_>>();
    sqlx::query(sql)
        .bind(sums.keys().map(|key| key.bucket).collect::<Vec<_>>())
        .bind(column(|key| text(Some(key.dimensions.provider))))
        .bind(column(|key| text(Some(key.dimensions.model))))
        .bind(column(|key| text(Some(key.dimensions.agent))))
        .bind(column(|key| text(Some(key.dimensions.user))))
        .bind(sums.keys().map(|key| key.state).collect::<Vec<_>>())
        .bind(sums.keys().map(|key| key.http_status).collect::<Vec<_>>())
        .bind(column(|key| text(Some(key.error_type))))
        .bind(column(|key| text(Some(key.error_code))))
        .bind(sums.values().map(|seen| seen.n).collect::<Vec<_>>())
        .bind(sums.values().map(|seen| seen.first).collect::<Vec<_>>())
        .bind(sums.values().map(|seen| seen.last).collect::<Vec<_>>())
        .execute(db)
        .await?;
    Ok(())
}
