//! Who is asking: the token list of the profile, or the person at the keyboard
//! of a server that is bound to loopback and has no tokens.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use sha2::{Digest, Sha256};
use systemprompt_config::{Profile, Scope, Token};

/// Who is asking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The token's name; `None` in open mode.
    pub(crate) token: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    /// Agents it may act for besides its own; `None`: any.
    pub(crate) agents: Option<Vec<String>>,
    scopes: Vec<Scope>,
}

impl Identity {
    fn of(token: &Token) -> Self {
        Self {
            token: Some(token.name.clone()),
            user: token.user.clone(),
            agent: token.agent.clone(),
            agents: Some(token.agents.clone()),
            scopes: token.scopes.clone(),
        }
    }

    /// Whether it may do what `scope` covers.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.token.is_none() || self.scopes.contains(&scope)
    }

    /// What it may see in answers: an agent's token sees that agent only.
    pub(crate) fn reads(&self) -> systemprompt_reporting::Scope {
        match &self.agent {
            Some(agent) => systemprompt_reporting::Scope::agent(agent.clone()),
            None => systemprompt_reporting::Scope::everything(),
        }
    }

    /// Whether it may act for an agent.
    pub(crate) fn may_act_for(&self, agent: &str) -> bool {
        self.agent.as_deref() == Some(agent)
            || self
                .agents
                .as_ref()
                .is_none_or(|agents| agents.iter().any(|a| a == agent))
    }
}

/// Why a request is refused, as a sentence for the client.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error(
        "a systemprompt token is needed; add one under server.tokens in the profile and send it as x-systemprompt-token, or where your SDK puts its API key"
    )]
    NoToken,
    #[error("this systemprompt token is not known")]
    UnknownToken,
    #[error("this systemprompt token does not have the scope for this")]
    Scope,
    #[error(
        "without tokens this server answers only direct requests from its own machine; add a token under server.tokens in the profile"
    )]
    NotLocal,
}

/// Decides who is asking.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    /// By SHA-256, so that no comparison depends on a secret's bytes.
    tokens: Arc<HashMap<[u8; 32], Identity>>,
    loopback: bool,
}

impl Auth {
    pub(crate) fn new(profile: &Profile) -> Self {
        let tokens = profile.server.tokens.iter();
        let tokens = tokens.map(|t| (digest(t.token.expose().as_bytes()), Identity::of(t)));
        Self {
            tokens: Arc::new(tokens.collect()),
            loopback: profile.server.listen.ip().is_loopback(),
        }
    }

    /// Whether requests without a token are answered (for loopback peers).
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.loopback
    }

    /// The identity behind a request. `keys` are the places in which an SDK may
    /// have put a systemprompt token instead of the provider's key.
    pub(crate) fn identify<'a>(
        &self,
        headers: &'a HeaderMap,
        peer: SocketAddr,
        keys: impl IntoIterator<Item = &'a [u8]>,
        scope: Scope,
    ) -> Result<Identity, Refusal> {
        if self.is_open() {
            return if is_local(headers, peer) {
                Ok(Identity::default())
            } else {
                Err(Refusal::NotLocal)
            };
        }
        let own = headers
            .get("x-systemprompt-token")
            .map(http::HeaderValue::as_bytes);
        let mut refusal = Refusal::NoToken;
        for key in own.into_iter().chain(keys) {
            match self.tokens.get(&digest(key)) {
                Some(identity) if identity.has(scope) => return Ok(identity.clone()),
                Some(_) => return Err(Refusal::Scope),
                None => refusal = Refusal::UnknownToken,
            }
        }
        Err(refusal)
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The token in `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// A request straight from this machine: not through a proxy on it, and not
/// from a web page that a browser on it shows.
fn is_local(headers: &HeaderMap, peer: SocketAddr) -> bool {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("");
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    let forwarded = ["forwarded", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
        || headers
            .keys()
            .any(|name| name.as_str().starts_with("x-forwarded-"));
    let site = headers
        .get("sec-fetch-site")
        .map(http::HeaderValue::as_bytes);
    peer.ip().to_canonical().is_loopback()
        && ["localhost", "127.0.0.1", "::1"]
            .iter()
            .any(|local| name.eq_ignore_ascii_case(local))
        && !forwarded
        && matches!(site, None | Some(b"none" | b"same-origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    value.parse().expect("a header value"),
                )
            })
            .collect()
    }

    #[test]
    fn only_a_direct_local_request_is_local() {
        let here: SocketAddr = "127.0.0.1:5000".parse().expect("an address");
        let there: SocketAddr = "192.0.2.7:5000".parse().expect("an address");
        let local = |pairs: &[(&'static str, &str)], peer| is_local(&headers(pairs), peer);
        assert!(local(&[("host", "localhost:8080")], here));
        assert!(local(
            &[("host", "[::1]:8080")],
            "[::1]:1".parse().expect("an address")
        ));
        assert!(local(
            &[("host", "127.0.0.1"), ("sec-fetch-site", "none")],
            here
        ));
        assert!(!local(&[("host", "localhost:8080")], there));
        assert!(!local(&[("host", "evil.example")], here), "DNS rebinding");
        assert!(!local(&[("host", "localhost.evil.example")], here));
        assert!(!local(&[], here));
        for header in ["forwarded", "via", "x-forwarded-for", "x-forwarded-host"] {
            assert!(
                !local(&[("host", "localhost"), (header, "x")], here),
                "{header}"
            );
        }
        assert!(!local(
            &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
            here
        ));
    }

    #[test]
    fn a_bearer_token_is_found() {
        assert_eq!(
            bearer(&headers(&[("authorization", "Bearer abc")])),
            Some(&b"abc"[..])
        );
        assert_eq!(
            bearer(&headers(&[("authorization", "bearer abc")])),
            Some(&b"abc"[..])
        );
        assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[("authorization", "B")])), None);
    }
}
