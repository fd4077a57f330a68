//! Corrects what requests cost that were counted before: the same rows get the
//! difference, in the same order. Rows that are no longer kept stay away.

use sqlx::PgConnection;

use super::{Columns, Counters, Key, Names, Sums, columns};
use crate::recompute::Change;
use crate::writer::rollups::{Cube, Dimensions, Grain};

/// The statement for one grain: its table, and what finds a row beside time and
/// dimensions.
macro_rules! statement {
    ($table:literal $(, $cube:literal)?) => {
        concat!(
            "with more as (
                select * from unnest(
                    $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[],
                    $6::bigint[], $7::bigint[], $8::bigint[], $9::text[]
                ) with ordinality as m (
                    bucket, provider, model, agent, user_id,
                    cost_nanos, unpriced, unpriced_tokens, cube, nth
                )
            ),
            locked as materialized (
                select m.* from more m join ", $table, " u
                    using (bucket, provider, model, agent, user_id", $(", ", $cube,)? ")
                order by m.nth for update of u
            )
            update ", $table, " u set
                cost_nanos = u.cost_nanos + l.cost_nanos,
                unpriced = u.unpriced + l.unpriced,
                unpriced_tokens = u.unpriced_tokens + l.unpriced_tokens
            from locked l
            where u.bucket = l.bucket and u.provider = l.provider and u.model = l.model
                and u.agent = l.agent and u.user_id = l.user_id",
            $(" and u.", $cube, " = l.", $cube)?
        )
    };
}

/// Gives every rollup the difference that these changes make.
pub(crate) async fn correct(db: &mut PgConnection, changes: &[Change]) -> Result<(), sqlx::Error> {
    let names = Names::number_all(changes.iter().flat_map(named));
    let sums = Sums::of(
        changes
            .iter()
            .map(|change| (key(change, &names), count(change))),
    );
    send(
        db,
        &columns(&sums.quarters, &names),
        statement!("usage_quarter"),
    )
    .await?;
    send(
        db,
        &columns(&sums.hours, &names),
        statement!("usage_hour", "cube"),
    )
    .await?;
    send(
        db,
        &columns(&sums.days, &names),
        statement!("usage_day", "cube"),
    )
    .await
}

async fn send(
    db: &mut PgConnection,
    columns: &Columns<'_>,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql)
        .bind(&columns.bucket)
        .bind(&columns.provider)
        .bind(&columns.model)
        .bind(&columns.agent)
        .bind(&columns.user)
        .bind(&columns.cost_nanos)
        .bind(&columns.unpriced)
        .bind(&columns.unpriced_tokens)
        .bind(&columns.cube)
        .execute(db)
        .await?;
    Ok(())
}

fn named(change: &Change) -> impl Iterator<Item = &str> {
    [
        Some(&*change.provider),
        change.model(),
        change.agent.as_deref(),
        change.user.as_deref(),
    ]
    .into_iter()
    .flatten()
}

fn key(change: &Change, names: &Names<'_>) -> Key {
    Key {
        cube: Cube::Full,
        bucket: Grain::Quarter.bucket(change.created_at.unix_timestamp()),
        dimensions: Dimensions {
            provider: names.number(Some(&change.provider)),
            model: names.number(change.model()),
            agent: names.number(change.agent.as_deref()),
            user: names.number(change.user.as_deref()),
        },
    }
}

fn count(change: &Change) -> Counters {
    Counters {
        cost_nanos: change.delta_nanos,
        unpriced: change.newly_priced.map_or(0, |_| -change.requests),
        unpriced_tokens: -change.newly_priced.unwrap_or(0),
        ..Counters::default()
    }
}
