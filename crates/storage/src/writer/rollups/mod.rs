//! Rollup deltas: what a batch adds to the counts by quarter, hour and day.
//!
//! Deltas are summed at the finest grain first, the coarser ones are summed from
//! these. They are sent in key order, so that two servers that add
//! to the same rows wait for each other instead of deadlocking.

mod activity;
mod audit;
mod errors;
mod latency;
mod names;
mod tools;
mod usage;

use sqlx::{AssertSqlSafe, PgConnection};
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

pub(crate) use self::activity::add_activity;
pub(crate) use self::audit::{Audited, Counts};
use self::names::{Name, Names};
pub(crate) use self::tools::add_tools;
pub(crate) use self::usage::correct::correct;
pub(crate) use self::usage::imported::add_imported;
use super::depth::Depth;

/// A grain: how wide a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Quarter,
    Hour,
    Day,
}

impl Grain {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "quarter",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The bucket that holds a moment, which is given in seconds since 1970.
    const fn bucket(self, unix: i64) -> Bucket {
        let seconds = match self {
            Self::Quarter => 900,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        Bucket(unix - unix.rem_euclid(seconds))
    }
}

/// The statement for the table of a grain, whose name it leaves open.
fn of_grain(sql: &str, grain: Grain) -> AssertSqlSafe<String> {
    // The name of a table is ours.
    AssertSqlSafe(sql.replace("GRAIN", grain.as_str()))
}

/// A bucket, by its start in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Bucket(i64);

impl Bucket {
    fn time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0)
            .expect("the start of a bucket lies close to a valid time")
    }
}

/// A cube: which dimensions a rollup row keeps; the others are ''.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Cube {
    Agent,
    AgentModel,
    Full,
    Model,
    Total,
    User,
}

impl Cube {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::AgentModel => "agent_model",
            Self::Full => "full",
            Self::Model => "model",
            Self::Total => "total",
            Self::User => "user",
        }
    }

    /// Keeps the dimensions of this cube.
    const fn slice(self, full: Dimensions) -> Dimensions {
        let Dimensions {
            provider,
            model,
            agent,
            user,
        } = full;
        let none = Dimensions {
            provider: Name::NONE,
            model: Name::NONE,
            agent: Name::NONE,
            user: Name::NONE,
        };
        match self {
            Self::Total => none,
            Self::Model => Dimensions {
                provider,
                model,
                ..none
            },
            Self::Agent => Dimensions { agent, ..none },
            Self::AgentModel => Dimensions {
                user: Name::NONE,
                ..full
            },
            Self::User => Dimensions { user, ..none },
            Self::Full => full,
        }
    }
}

/// What requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Dimensions {
    provider: Name,
    model: Name,
    agent: Name,
    user: Name,
}

impl Dimensions {
    fn of(request: &RequestFinished, names: &Names<'_>) -> Self {
        Self {
            provider: names.number(Some(&request.context.provider)),
            model: names.number(request.model()),
            agent: names.number(request.context.agent.as_deref()),
            user: names.number(request.context.user.as_deref()),
        }
    }
}

/// What a rollup row is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    cube: Cube,
    bucket: Bucket,
    dimensions: Dimensions,
}

impl Key {
    /// The finest there is: a quarter and every dimension.
    fn finest(request: &RequestFinished, names: &Names<'_>) -> Self {
        let bucket = Grain::Quarter.bucket(request.context.created_at.unix_timestamp());
        Self {
            cube: Cube::Full,
            bucket,
            dimensions: Dimensions::of(request, names),
        }
    }

    /// The row of another grain and cube that counts the same requests, and more.
    const fn coarser(self, grain: Grain, cube: Cube) -> Self {
        Self {
            cube,
            bucket: grain.bucket(self.bucket.0),
            dimensions: cube.slice(self.dimensions),
        }
    }
}

/// Adds finished requests to every rollup.
pub(in crate::writer) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
    depth: Depth,
) -> Result<(), sqlx::Error> {
    if finished.is_empty() {
        return Ok(());
    }
    let names = Names::of(finished);
    if depth >= Depth::Usage {
        usage::add(db, finished, &names).await?;
    }
    if depth >= Depth::Latency {
        latency::add(db, finished, &names).await?;
    }
    if depth >= Depth::Links {
        errors::add(db, finished, &names).await?;
    }
    Ok(())
}
