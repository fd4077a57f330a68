//! The `mcp` section: the MCP servers behind the proxy.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::fields::duration;
use crate::provider::KeySource;
use crate::secret::Secret;

/// What agents reach over MCP.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mcp {
    /// The servers behind `/mcp/NAME`, by that name. Read from
    /// `services/mcp/servers.yaml`; what is given here overrides it key by key.
    pub servers: BTreeMap<String, McpServer>,
}

/// An MCP server over streamable HTTP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = nothing_required)]
pub struct McpServer {
    /// Its endpoint, such as `https://tools.example.com/mcp`.
    pub url: String,
    /// The key that is sent to it: `{env: NAME}` or `{file: PATH}`. Clients'
    /// own credentials never are. With `otherwise: passthrough` a key that is
    /// not there is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<KeySource>,
    /// The key. `load` reads it from its source.
    #[serde(skip)]
    pub key: Option<Secret>,
    /// The header that carries the key. In `authorization` it is a bearer token.
    #[serde(default = "authorization")]
    pub header: String,
    /// The tools that may be called; without any, all. `*` stands for anything at
    /// the end of a name.
    #[serde(default)]
    pub allow: Vec<String>,
    /// The tools that may not be called, whatever `allow` says.
    #[serde(default)]
    pub deny: Vec<String>,
    /// From a request to the first byte of its answer.
    #[serde(default = "five_minutes", with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub timeout: Duration,
    /// Between two pieces of an answer.
    #[serde(default = "five_minutes", with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub idle_timeout: Duration,
}

/// A profile may give single keys of a server: the rest comes from below.
fn nothing_required(schema: &mut Schema) {
    schema.remove("required");
}

fn authorization() -> String {
    "authorization".to_owned()
}

const fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

impl McpServer {
    /// Whether clients may call a tool.
    #[must_use]
    pub fn admits(&self, tool: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|pattern| matches(pattern, tool));
        (self.allow.is_empty() || named(&self.allow)) && !named(&self.deny)
    }

    /// Whether some tools are kept from clients.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }
}

fn matches(pattern: &str, tool: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => tool.starts_with(beginning),
        None => tool == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_which_tools_may_be_called() {
        let server = |allow: &[&str], deny: &[&str]| McpServer {
            url: String::new(),
            credentials: None,
            key: None,
            header: authorization(),
            allow: allow.iter().map(ToString::to_string).collect(),
            deny: deny.iter().map(ToString::to_string).collect(),
            timeout: five_minutes(),
            idle_timeout: five_minutes(),
        };
        assert!(server(&[], &[]).admits("delete"));
        assert!(!server(&["read"], &[]).admits("delete"));
        assert!(server(&["read_*"], &[]).admits("read_file"));
        assert!(!server(&["read*"], &["read_secret"]).admits("read_secret"));
        assert!(!server(&[], &["*"]).admits("anything"));
        assert!(!server(&["read"], &[]).admits("read_file"));
    }
}
