//! What every question is asked with: the database, the profile's settings, the
//! caller's scope and the clock.

use std::sync::Arc;

use sqlx::PgPool;
use systemprompt_domain::Clock;

use crate::settings::Settings;

/// What a question needs besides its parameters.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The questions' own pool of connections.
    pub pool: PgPool,
    /// What of the profile answers depend on.
    pub settings: Arc<Settings>,
    /// What the caller may see.
    pub scope: Scope,
    /// Where "now" comes from.
    pub clock: Clock,
}

/// What the caller may see. It comes from the token and is never a parameter,
/// so no caller can widen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    agent: Option<String>,
}

impl Scope {
    /// A caller who may see everything.
    #[must_use]
    pub const fn everything() -> Self {
        Self { agent: None }
    }

    /// An agent, which sees nothing but itself.
    #[must_use]
    pub fn agent(name: impl Into<String>) -> Self {
        Self {
            agent: Some(name.into()),
        }
    }

    /// The one agent that may be seen; `None` for all.
    #[must_use]
    pub fn only_agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }
}
