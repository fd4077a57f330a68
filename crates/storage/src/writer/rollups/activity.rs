//! User activity by quarter, hour and day.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_domain::activity::{Activity, Word};

use super::{Bucket, Grain};

/// A cube: which dimensions a row keeps; the others are ''. Cubes and what the
/// grains have of them are those of the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cube {
    Agent,
    Category,
    Entity,
    Full,
    User,
}

const GRAINS: [(Grain, &[Cube]); 3] = [
    (Grain::Quarter, &Cube::ALL),
    (Grain::Hour, &[Cube::Agent, Cube::Category, Cube::Entity]),
    (Grain::Day, &Cube::ALL),
];

impl Cube {
    const ALL: [Self; 5] = [
        Self::Agent,
        Self::Category,
        Self::Entity,
        Self::Full,
        Self::User,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Category => "category",
            Self::Entity => "entity",
            Self::Full => "full",
            Self::User => "user",
        }
    }

    /// Keeps the dimensions of this cube.
    const fn slice(self, full: Dimensions<'_>) -> Dimensions<'_> {
        let Dimensions {
            category,
            entity,
            user,
            agent,
        } = full;
        let alone = Dimensions {
            category,
            entity: ("", ""),
            user: "",
            agent: "",
        };
        match self {
            Self::Category => alone,
            Self::Agent => Dimensions { agent, ..alone },
            Self::Entity => Dimensions { entity, ..alone },
            Self::User => Dimensions { user, ..alone },
            Self::Full => full,
        }
    }
}

/// What activity is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dimensions<'a> {
    category: &'static str,
    /// Type and name.
    entity: (&'a str, &'a str),
    user: &'a str,
    agent: &'a str,
}

impl<'a> Dimensions<'a> {
    fn of(activity: &'a Activity) -> Self {
        let entity_type = activity.entity_type.as_ref().map_or("", Word::as_str);
        Self {
            category: activity.category.as_str(),
            entity: (
                entity_type,
                activity.entity_name.as_deref().unwrap_or_default(),
            ),
            user: activity.source.user.as_deref().unwrap_or_default(),
            agent: activity.source.agent.as_deref().unwrap_or_default(),
        }
    }
}

/// What a row is found by, in the order in which rows are locked.
type Key<'a> = (Cube, Bucket, Dimensions<'a>);

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    events: i64,
    failed: i64,
}

/// Counts activity that was stored. Its names have no NUL.
pub(crate) async fn add_activity(
    db: &mut PgConnection,
    activity: &[&Activity],
) -> Result<(), sqlx::Error> {
    if activity.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (grain, cubes) in GRAINS {
        let mut sums: BTreeMap<Key<'_>, Counters> = BTreeMap::new();
        for one in activity {
            let bucket = grain.bucket(one.source.stamp.at.unix_timestamp());
            let full = Dimensions::of(one);
            for cube in cubes {
                let sum = sums.entry((*cube, bucket, cube.slice(full))).or_default();
                sum.events += 1;
                sum.failed += i64::from(one.is_failure());
            }
        }
        rows.extend(sums.into_iter().map(|(key, sum)| (grain, key, sum)));
    }
    let text = |of: fn(&Key<'_>) -> &'static str| {
        rows.iter().map(|(_, key, _)| of(key)).collect::<Vec<_>>()
    };
    sqlx::query(include_str!("activity.sql"))
        .bind(
            rows.iter()
                .map(|(grain, ..)| grain.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(text(|key| key.0.as_str()))
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.1.time())
                .collect::<Vec<_>>(),
        )
        .bind(text(|key| key.2.category))
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.2.entity.0)
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.2.entity.1)
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.2.user)
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.2.agent)
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|(.., sum)| sum.events).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., sum)| sum.failed).collect::<Vec<_>>())
        .execute(db)
        .await?;
    Ok(())
}
