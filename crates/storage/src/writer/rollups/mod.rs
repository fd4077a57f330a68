//! Rollup deltas: what a batch adds to the counts by quarter, hour and day.
//!
//! Deltas are summed here and sent in key order, so that two servers that add
//! to the same rows wait for each other instead of deadlocking.

mod errors;
mod latency;
mod usage;

use sqlx::PgConnection;
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

use super::depth::Depth;

/// A grain: how wide a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Quarter,
    Hour,
    Day,
}

impl Grain {
    /// Start of the bucket that holds a moment.
    fn bucket(self, at: OffsetDateTime) -> OffsetDateTime {
        let seconds = match self {
            Self::Quarter => 900,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        let unix = at.unix_timestamp();
        OffsetDateTime::from_unix_timestamp(unix - unix.rem_euclid(seconds))
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
    const fn slice<'a>(self, full: Dimensions<'a>) -> Dimensions<'a> {
        let none = Dimensions {
            provider: "",
            model: "",
            agent: "",
            user: "",
        };
        match self {
            Self::Total => none,
            Self::Model => Dimensions {
                provider: full.provider,
                model: full.model,
                ..none
            },
            Self::Agent => Dimensions {
                agent: full.agent,
                ..none
            },
            Self::AgentModel => Dimensions { user: "", ..full },
            Self::User => Dimensions {
                user: full.user,
                ..none
            },
            Self::Full => full,
        }
    }
}

/// What requests are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Dimensions<'a> {
    provider: &'a str,
    model: &'a str,
    agent: &'a str,
    user: &'a str,
}

impl<'a> Dimensions<'a> {
    fn of(request: &'a RequestFinished) -> Self {
        Self {
            provider: &request.context.provider,
            model: request.model().unwrap_or(""),
            agent: request.context.agent.as_deref().unwrap_or(""),
            user: request.context.user.as_deref().unwrap_or(""),
        }
    }
}

/// Adds finished requests to every rollup.
pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
    depth: Depth,
) -> Result<(), sqlx::Error> {
    if finished.is_empty() {
        return Ok(());
    }
    if depth >= Depth::Usage {
        usage::add(db, finished).await?;
    }
    if depth >= Depth::Latency {
        latency::add(db, finished).await?;
    }
    if depth >= Depth::Links {
        errors::add(db, finished).await?;
    }
    Ok(())
}
