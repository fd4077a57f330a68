//! What a host, an app or a campaign's source is: who it is, and what kind.

use serde::{Deserialize, Serialize};

use super::Channels;

/// What kind of place people come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Assistant,
    Search,
    Social,
    Video,
    Shopping,
    Mail,
}

/// A place people come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
}

impl Channels {
    /// What a referrer is.
    pub(super) fn referred(&self, host: &str, path: &str, is_app: bool) -> Source {
        let found = if is_app {
            self.app(host)
        } else {
            self.host(host, path)
        };
        found.unwrap_or_else(|| Source {
            name: host.to_owned(),
            kind: None,
        })
    }

    /// What a campaign's source is: a host, or a name that the tables know.
    pub(super) fn tagged(&self, source: &str) -> Source {
        let name = source.strip_prefix("www.").unwrap_or(source);
        self.host(name, "").unwrap_or_else(|| Source {
            name: source.to_owned(),
            kind: None,
        })
    }
}
