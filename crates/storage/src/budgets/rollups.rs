//! What the requests of a scope came to in a period, read from rollups.

use sqlx::PgConnection;
use systemprompt_config::AlertScope;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::{Grain, Grains, Interval, Windows};
use time::OffsetDateTime;

/// Sums over the requests of a scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) cost: Nanos,
    /// Requests that went upstream.
    pub(super) tried: i64,
    /// Requests that went wrong ([`systemprompt_domain::RequestState::is_error`]).
    pub(super) errors: i64,
    /// Requests with usage for which no price is known.
    pub(super) unpriced: i64,
}

/// A scope as columns of the rollups; `None` where any value will do.
pub(crate) struct Columns<'a> {
    pub(crate) cube: &'static str,
    pub(crate) provider: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) agent: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
}

impl<'a> From<Option<&'a AlertScope>> for Columns<'a> {
    fn from(scope: Option<&'a AlertScope>) -> Self {
        let everybody = Self {
            cube: "total",
            provider: None,
            model: None,
            agent: None,
            user: None,
        };
        match scope {
            None => everybody,
            Some(AlertScope::Provider(name)) => Self {
                cube: "model",
                provider: Some(name),
                ..everybody
            },
            Some(AlertScope::Model(name)) => Self {
                cube: "model",
                model: Some(name),
                ..everybody
            },
            Some(AlertScope::Agent(name)) => Self {
                cube: "agent",
                agent: Some(name),
                ..everybody
            },
            Some(AlertScope::User(name)) => Self {
                cube: "user",
                user: Some(name),
                ..everybody
            },
        }
    }
}

/// Adds up a period, up to its end even where that lies ahead.
///
/// Exact where the period begins at a full hour (for a user: a UTC day) or
/// within the days for which quarters of an hour are kept; else it begins with
/// that hour or day. A model's requests are those that rollups count under it.
pub(super) async fn usage(
    db: &mut PgConnection,
    scope: Option<&AlertScope>,
    period: Interval,
    now: OffsetDateTime,
) -> Result<Usage, sqlx::Error> {
    let columns = Columns::from(scope);
    let (cost, tried, errors, unpriced) = sqlx::query_as(include_str!("rollups.sql"))
        .bind(windows(scope, period, now).times().to_vec())
        .bind(columns.cube)
        .bind(columns.provider)
        .bind(columns.model)
        .bind(columns.agent)
        .bind(columns.user)
        .fetch_one(db)
        .await?;
    Ok(Usage {
        cost: Nanos(cost),
        tried,
        errors,
        unpriced,
    })
}

fn windows(scope: Option<&AlertScope>, period: Interval, now: OffsetDateTime) -> Windows {
    let grains = match scope {
        Some(AlertScope::User(_)) => Grains::WithoutHours,
        _ => Grains::All,
    };
    let mut interval = period.snap(now, grains);
    if period.until > now {
        // Another server's clock may be ahead.
        interval.until = Grain::Quarter.ceil(period.until);
    }
    Windows::of(interval, grains)
}
