//! The `web` section: which sites are counted, and at which paths.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_web::Rules;

/// Which sites are counted, and at which paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Whether page views are taken.
    pub enabled: bool,
    /// Hosts whose pages may report: `example.com` (with or without `www.`) or
    /// `*.example.com`. Without any, only pages of the server's own host may.
    pub sites: Vec<String>,
    /// Path of the script that pages load.
    pub script: String,
    /// Path that the script reports to.
    pub collect: String,
    /// Path of the picture for pages without scripts.
    pub pixel: String,
    /// Reports that one address may send in a minute.
    pub requests_per_minute: u32,
    /// Pages that are told apart on a UTC day. Those beyond count as one, `(other)`, so
    /// that nobody can make up addresses without end.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub paths_per_day: u32,
    /// Sources of sessions that are told apart on a UTC day: what campaigns call
    /// themselves, and the hosts that browsers come from. Those beyond count as one,
    /// `(other)`, in their channel.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub sources_per_day: u32,
    /// A database of countries in MaxMind's format (`.mmdb`), in place of the
    /// one that is built in. In a profile it is relative to the folder of `profiles/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_database: Option<PathBuf>,
    /// How long imported traffic is kept; for ever if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_retention_days: Option<u32>,
    /// The tables of `services/web/`, where they are not those that are compiled
    /// in.
    #[serde(skip)]
    pub(crate) own_rules: Option<Arc<Rules>>,
}

impl Web {
    /// What traffic is judged by.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        self.own_rules.as_ref().unwrap_or_else(|| Rules::built_in())
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            enabled: true,
            sites: Vec::new(),
            script: "/s.js".to_owned(),
            collect: "/api/collect".to_owned(),
            pixel: "/px.gif".to_owned(),
            requests_per_minute: 600,
            paths_per_day: 10_000,
            sources_per_day: 1_000,
            country_database: None,
            imported_retention_days: None,
            own_rules: None,
        }
    }
}
