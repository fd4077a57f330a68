//! The MCP servers behind the proxy: their names, addresses and keys.

use super::Checks;
use super::reach::is_this_machine;
use crate::mcp::McpServer;
use crate::path::key_path;

/// Headers that belong to the message or to the protocol.
const NOT_FOR_KEYS: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

impl Checks<'_> {
    pub(super) fn mcp_server(&mut self, name: &str, server: &McpServer) {
        let path = key_path!["mcp", "servers", name];
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !is_name {
            self.refuse(
                &path,
                "must be named with a-z, 0-9, - and _, beginning with a letter",
            );
        }
        let header = server.header.as_str();
        let is_header = !header.is_empty()
            && header
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_header || NOT_FOR_KEYS.contains(&header) {
            self.refuse(
                &path.join("header"),
                "must be the name of a header in lower case, such as authorization or x-api-key",
            );
        }
        for (key, timeout) in [
            ("timeout", server.timeout),
            ("idle_timeout", server.idle_timeout),
        ] {
            if timeout.is_zero() {
                self.refuse(&path.join(key), "must be above 0");
            }
        }
        let path = path.join("url");
        let Some(url) = self.url(&path, &server.url, &["http", "https"]) else {
            return;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.refuse(&path, "must not hold a user or password; use credentials");
        }
        if url.fragment().is_some() {
            self.refuse(&path, "must end before any #");
        }
        if server.key.is_some() && url.scheme() == "http" && !is_this_machine(&url) {
            self.warn(format!(
                "mcp.servers.{name} is sent its key over http, where others can read it"
            ));
        }
    }
}
