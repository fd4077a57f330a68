//! What every question is asked with: the database, the profile's settings, the
//! caller's scope and the clock.

use std::sync::Arc;

use sqlx::PgPool;
use systemprompt_config::{Alert, AlertScope};
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

impl Ctx {
    /// The alerts that the caller may see: an agent sees those on itself alone.
    pub(crate) fn visible_alerts(&self) -> impl Iterator<Item = &Alert> {
        let visible = |alert: &&Alert| match (self.scope.only_agent(), &alert.scope) {
            (None, _) => true,
            (Some(agent), Some(AlertScope::Agent(name))) => agent == name,
            (Some(_), _) => false,
        };
        self.settings.alerts.iter().filter(visible)
    }
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
