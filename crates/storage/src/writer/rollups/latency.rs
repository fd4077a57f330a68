//! Latency histograms of completed requests.

use std::collections::HashMap;

use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::histogram::bucket_of;
use time::OffsetDateTime;

use super::{Cube, Dimensions, Grain};
use crate::writer::rows::text;

const HOURLY: [Cube; 2] = [Cube::Total, Cube::AgentModel];
const DAILY: [Cube; 4] = [Cube::Total, Cube::Model, Cube::Agent, Cube::AgentModel];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key<'a> {
    cube: Cube,
    bucket: OffsetDateTime,
    dimensions: Dimensions<'a>,
    slot: i16,
}

pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
) -> Result<(), sqlx::Error> {
    let quarters = collect(finished, Grain::Quarter, &[Cube::AgentModel]);
    send(db, include_str!("latency_quarter.sql"), &quarters, false).await?;
    let hours = collect(finished, Grain::Hour, &HOURLY);
    send(db, include_str!("latency_hour.sql"), &hours, true).await?;
    let days = collect(finished, Grain::Day, &DAILY);
    send(db, include_str!("latency_day.sql"), &days, true).await
}

fn collect<'a>(
    finished: &[&'a RequestFinished],
    grain: Grain,
    cubes: &[Cube],
) -> Vec<(Key<'a>, i64)> {
    let mut sums: HashMap<Key<'_>, i64> = HashMap::new();
    for request in finished {
        let Some(latency) = request.latency_us else {
            continue;
        };
        if request.state != RequestState::Completed {
            continue;
        }
        let slot = bucket_of(latency);
        let bucket = grain.bucket(request.context.created_at);
        let full = Dimensions::of(request);
        for &cube in cubes {
            let key = Key {
                cube,
                bucket,
                dimensions: cube.slice(full),
                slot,
            };
            *sums.entry(key).or_default() += 1;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(key, _)| *key);
    sums
}

async fn send(
    db: &mut PgConnection,
    sql: &'static str,
    sums: &[(Key<'_>, i64)],
    cubes: bool,
) -> Result<(), sqlx::Error> {
    if sums.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Dimensions<'_>) -> Option<String>| {
        sums.iter()
            .map(|(key, _)| of(&key.dimensions))
            .collect::<Vec<_>>()
    };
    let query = sqlx::query(sql)
        .bind(sums.iter().map(|(key, _)| key.bucket).collect::<Vec<_>>())
        .bind(column(|d| text(Some(d.provider))))
        .bind(column(|d| text(Some(d.model))))
        .bind(column(|d| text(Some(d.agent))))
        .bind(sums.iter().map(|(key, _)| key.slot).collect::<Vec<_>>())
        .bind(sums.iter().map(|(_, n)| *n).collect::<Vec<_>>());
    let query = if cubes {
        query.bind(
            sums.iter()
                .map(|(key, _)| key.cube.as_str())
                .collect::<Vec<_>>(),
        )
    } else {
        query
    };
    query.execute(db).await?;
    Ok(())
}
