//! Who may reach the server and whom it reaches: tokens, proxies and providers.

use std::collections::BTreeSet;
use std::net::IpAddr;

use url::Url;

use super::Checks;
use crate::path::key_path;
use crate::profile::Server;
use crate::provider::{Credentials, Provider};

/// Shorter tokens can be guessed.
const MIN_TOKEN_CHARACTERS: usize = 16;

/// First parts of paths that belong to the server itself.
const RESERVED_NAMES: [&str; 7] = ["admin", "api", "healthz", "mcp", "metrics", "readyz", "v1"];

impl Checks<'_> {
    pub(super) fn server(&mut self, server: &Server) {
        let mut names = BTreeSet::new();
        let mut texts = BTreeSet::new();
        for (i, token) in server.tokens.iter().enumerate() {
            let path = key_path!["server", "tokens", i];
            let text = token.token.expose();
            if token.name.is_empty() {
                self.refuse(&path.join("name"), "must not be empty");
            } else if !names.insert(&token.name) {
                self.refuse(
                    &path.join("name"),
                    format!("is {}, as another token's is", token.name),
                );
            }
            if text.chars().count() < MIN_TOKEN_CHARACTERS {
                let least = format!("must have at least {MIN_TOKEN_CHARACTERS} characters");
                self.refuse(&path.join("token"), least);
            } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
                self.refuse(
                    &path.join("token"),
                    "must be ASCII without spaces, to fit a header",
                );
            } else if !texts.insert(text) {
                self.refuse(&path.join("token"), "is the same as another token's");
            }
            if token.scopes.is_empty() {
                self.refuse(
                    &path.join("scopes"),
                    "must hold at least one of gateway, read, ingest, mcp and admin",
                );
            }
        }
        for (i, proxy) in server.trusted_proxies.iter().enumerate() {
            if !is_network(proxy) {
                let path = key_path!["server", "trusted_proxies", i];
                self.refuse(&path, "must be an address or a network such as 10.0.0.0/8");
            }
        }
        let keys = [("tls_cert", &server.tls_cert), ("tls_key", &server.tls_key)];
        for [(key, file), (other, missing)] in [keys, [keys[1], keys[0]]] {
            if file.is_some() && missing.is_none() {
                let path = key_path!["server", key];
                self.refuse(&path, format!("needs server.{other} beside it"));
            }
        }
        if !server.listen.ip().is_loopback() {
            if server.tokens.is_empty() {
                self.warn(
                    "server.listen is open to other machines but server.tokens is empty: \
                     they need a token of `systemprompt admin token create`",
                );
            }
            if server.trusted_proxies.is_empty() && server.tls_cert.is_none() {
                self.warn(
                    "server.listen is open to other machines without encryption: give the server \
                     a certificate (server.tls_cert, server.tls_key), or put a TLS proxy in front \
                     and name it in server.trusted_proxies",
                );
            }
        }
    }

    pub(super) fn provider(&mut self, name: &str, provider: &mut Provider) {
        let path = key_path!["providers", name];
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
        if RESERVED_NAMES.contains(&name) {
            self.refuse(&path, "has a name the server uses itself; choose another");
        }
        let path = path.join("base_url");
        let Some(url) = self.url(&path, &provider.base_url, &["http", "https"]) else {
            return;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.refuse(&path, "must not hold a user or password; use credentials");
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.refuse(&path, "must end before any ? or #");
        }
        let managed = matches!(provider.credentials, Credentials::Managed { .. });
        if managed && url.scheme() == "http" && !is_this_machine(&url) {
            self.warn(format!(
                "providers.{name} sends its key over http, where others can read it"
            ));
        }
        provider
            .base_url
            .truncate(provider.base_url.trim_end_matches('/').len());
    }
}

/// An address, or an address and a prefix length that fits it.
fn is_network(text: &str) -> bool {
    let (address, prefix) = text
        .split_once('/')
        .map_or((text, None), |(a, p)| (a, Some(p)));
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest))
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
