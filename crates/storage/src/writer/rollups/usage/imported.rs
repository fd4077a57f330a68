//! Usage that was imported in sums: each hour of it gets its part.

use sqlx::PgConnection;
use systemprompt_domain::TokenClass;

use super::{Counters, Key, Names, Sums};
use crate::imported::{ImportedUsage, Part};
use crate::writer::rollups::{Cube, Dimensions, Grain};

/// Adds imported usage to every rollup of usage. There is nothing to tell of latencies
/// and errors.
pub(crate) async fn add_imported(
    db: &mut PgConnection,
    rows: &[&ImportedUsage],
) -> Result<(), sqlx::Error> {
    let names = Names::number_all(rows.iter().flat_map(|row| named(row)));
    let parts = rows.iter().flat_map(|row| {
        let dimensions = dimensions(row, &names);
        row.parts().map(move |part| {
            let key = Key {
                cube: Cube::Full,
                bucket: Grain::Quarter.bucket(part.at.unix_timestamp()),
                dimensions,
            };
            (key, count(row, part))
        })
    });
    Sums::of(parts).send(db, &names).await
}

fn named(row: &ImportedUsage) -> impl Iterator<Item = &str> {
    [
        Some(row.provider.as_str()),
        Some(row.model.as_str()),
        row.agent.as_deref(),
        row.user.as_deref(),
    ]
    .into_iter()
    .flatten()
}

fn dimensions(row: &ImportedUsage, names: &Names<'_>) -> Dimensions {
    Dimensions {
        provider: names.number(Some(&row.provider)),
        model: names.number(Some(&row.model)),
        agent: names.number(row.agent.as_deref()),
        user: names.number(row.user.as_deref()),
    }
}

/// What a part counts as. Providers bill, and tell of, what they answered; of how many
/// requests that were some say nothing, which is none to count.
fn count(row: &ImportedUsage, part: Part) -> Counters {
    let tokens = &row.usage.tokens;
    let of = |class| part.of(tokens.get(class).cast_signed());
    let requests = part.of(row.requests.unwrap_or(0).cast_signed());
    let unpriced = row.cost.is_none();
    let all_tokens = TokenClass::ALL.into_iter().map(of).sum();
    Counters {
        requests,
        completed: requests,
        cost_nanos: row.cost.map_or(0, |cost| part.of(cost.0)),
        unpriced: if unpriced { requests } else { 0 },
        unpriced_tokens: if unpriced { all_tokens } else { 0 },
        ..Counters::of_tokens(of)
    }
}
