//! Latency histograms of completed requests.

use std::collections::HashMap;

use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::histogram::bucket_of;

use super::{Cube, Dimensions, Grain, Key, Name, Names};

/// Those of hours and days.
const CUBES: [Cube; 4] = [Cube::Total, Cube::Model, Cube::Agent, Cube::AgentModel];

/// A row's key and its slot of the histogram.
type Slot = (Key, i16);

pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
    names: &Names<'_>,
) -> Result<(), sqlx::Error> {
    let completed = finished
        .iter()
        .filter(|request| request.state == RequestState::Completed);
    let quarters = sum(completed.filter_map(|request| {
        let key = Key::finest(request, names).coarser(Grain::Quarter, Cube::AgentModel);
        Some(((key, bucket_of(request.latency_us?)), 1))
    }));
    let coarser = |grain| {
        let from = quarters.iter();
        sum(from.flat_map(move |((key, slot), n)| {
            CUBES
                .iter()
                .map(move |cube| ((key.coarser(grain, *cube), *slot), *n))
        }))
    };
    let (hours, days) = (coarser(Grain::Hour), coarser(Grain::Day));
    send(
        db,
        include_str!("latency_quarter.sql"),
        &quarters,
        names,
        false,
    )
    .await?;
    send(db, include_str!("latency_hour.sql"), &hours, names, true).await?;
    send(db, include_str!("latency_day.sql"), &days, names, true).await
}

/// Adds up what belongs to the same row; in key order.
fn sum(parts: impl Iterator<Item = (Slot, i64)>) -> Vec<(Slot, i64)> {
    let mut sums: HashMap<Slot, i64> = HashMap::new();
    for (slot, n) in parts {
        *sums.entry(slot).or_default() += n;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(slot, _)| *slot);
    sums
}

async fn send(
    db: &mut PgConnection,
    sql: &'static str,
    sums: &[(Slot, i64)],
    names: &Names<'_>,
    cubes: bool,
) -> Result<(), sqlx::Error> {
    if sums.is_empty() {
        return Ok(());
    }
    let keys = || sums.iter().map(|((key, _), _)| key);
    let column = |of: fn(&Dimensions) -> Name| {
        keys()
            .map(|key| names.text(of(&key.dimensions)))
            .collect::<Vec<_>>()
    };
    let query = sqlx::query(sql)
        .bind(keys().map(|key| key.bucket.time()).collect::<Vec<_>>())
        .bind(column(|d| d.provider))
        .bind(column(|d| d.model))
        .bind(column(|d| d.agent))
        .bind(sums.iter().map(|((_, slot), _)| *slot).collect::<Vec<_>>())
        .bind(sums.iter().map(|(_, n)| *n).collect::<Vec<_>>());
    let query = if cubes {
        query.bind(keys().map(|key| key.cube.as_str()).collect::<Vec<_>>())
    } else {
        query
    };
    query.execute(db).await?;
    Ok(())
}
