//! The configuration of an installation: a YAML profile to typed settings, with
//! errors that name file, line and key.
//!
//! [`load`] joins the layers, expands `${ENV}`, decodes and checks. It reads
//! files and the environment, and nothing else: what the settings do is the
//! business of those who read them. Secrets are [`Secret`]s from the start and
//! never shown, not in errors either.

use serde_yaml::with::singleton_map_recursive;

mod analytics;
mod check;
mod cron;
mod custom_price;
mod de;
mod decode;
mod error;
mod expand;
mod fields;
mod file;
mod limits;
mod load;
mod mcp;
mod nearest;
mod node;
mod parse;
mod path;
mod profile;
mod provider;
mod reference;
mod scheduler;
mod secret;
mod settings;
mod web;

pub use analytics::{
    Action, Alert, AlertScope, AlertType, Analytics, Costs, ExchangeRate, Reserve,
};
pub use cron::{Cron, InvalidCron};
pub use error::ConfigError;
pub use limits::{Downstream, Drain, Limits, Sessions, Spool, Upstream};
pub use load::{Config, Sources, load, load_with};
pub use mcp::{Mcp, McpServer};
pub use profile::{
    Channel, Database, Email, KeepLogs, LogFormat, Notifications, Profile, Server, Token, Webhook,
};
pub use provider::{Credentials, KeySource, Otherwise, Provider, Unmetered};
pub use reference::reference;
pub use scheduler::{
    ContentAnalytics, Job, Jobs, Missed, Nothing, PriceCheck, RollupCheck, Scheduler, ToChannel,
    TrafficReport,
};
pub use secret::Secret;
pub use settings::{RELOADED, Setting};
pub use systemprompt_domain::Scope;
pub use web::Web;

/// Looks up an environment variable.
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The JSON Schema of a profile, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Profile).into()
}

/// The effective profile as YAML, with every secret as `***`.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut yaml = Vec::new();
    // Enums as mappings with one key, as they are written, not as YAML tags.
    let mut serializer = serde_yaml::Serializer::new(&mut yaml);
    singleton_map_recursive::serialize(&config.profile, &mut serializer)
        .expect("a profile is made of YAML's own types");
    drop(serializer);
    String::from_utf8(yaml).expect("YAML is written as UTF-8")
}
