//! Who is asking: a token of the profile or of the database, or the person at the
//! keyboard of a server that is bound to loopback and has no tokens.

mod known;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use systemprompt_config::{Profile, Token};
use systemprompt_domain::{Scope, TokenText};
use systemprompt_mcp::Caller;
use systemprompt_storage::tokens::{self, Hash};

pub(crate) use self::known::Known;

/// Who is asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        self.token.is_none() || self.scopes.iter().any(|held| held.covers(scope))
    }

    /// What it may see in answers: an agent's token sees that agent only.
    pub(crate) fn reads(&self) -> systemprompt_reporting::Scope {
        match &self.agent {
            Some(agent) if !self.scopes.contains(&Scope::Admin) => {
                systemprompt_reporting::Scope::agent(agent.clone())
            }
            _ => systemprompt_reporting::Scope::everything(),
        }
    }

    /// As whom it asks over MCP: who may read asks everything it may read, an agent
    /// about itself. A token that is for agents and names none asks nothing.
    pub(crate) fn asks(&self) -> Option<Caller> {
        if self.has(Scope::Read) {
            Some(Caller::reader(self.reads()))
        } else {
            self.agent.clone().map(Caller::agent)
        }
    }

    /// Whether it may report what an agent did. A token that stands for no agent
    /// is that of a service, which reports on all of its own.
    pub(crate) fn may_report_on(&self, agent: &str) -> bool {
        let bound = self.agent.is_some() || self.agents.as_ref().is_some_and(|a| !a.is_empty());
        !bound || self.may_act_for(agent)
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

/// Who reads, for the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) user: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) token: Option<String>,
}

impl Reader {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self {
            user: identity.user.clone(),
            agent: identity.agent.clone(),
            token: identity.token.clone(),
        }
    }

    pub(crate) fn signed_in(user: String) -> Self {
        Self {
            user: Some(user),
            ..Self::default()
        }
    }
}

/// Why a request is refused, as a sentence for the client.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error(
        "a systemprompt token is needed; issue one with `systemprompt admin token create` and send it as x-systemprompt-token, or where your SDK puts its API key"
    )]
    NoToken,
    #[error(
        "this systemprompt token is not known; `systemprompt admin token create` issues another one"
    )]
    UnknownToken,
    #[error("this is no whole systemprompt token: something is missing or mistyped")]
    Malformed,
    #[error(
        "this systemprompt token has expired; `systemprompt admin token create` issues another one"
    )]
    Expired,
    #[error(
        "this systemprompt token was revoked; `systemprompt admin token create` issues another one"
    )]
    Revoked,
    #[error("the agent of this systemprompt token is disabled")]
    AgentDisabled,
    #[error(
        "this systemprompt token does not have the scope {0}; `systemprompt admin token create` issues one of another kind"
    )]
    Scope(Scope),
    #[error(
        "without tokens this server answers only direct requests from its own machine; issue a token with `systemprompt admin token create` and send it as x-systemprompt-token"
    )]
    NotLocal,
    #[error("whether this systemprompt token is known cannot be told at the moment")]
    Unavailable,
}

impl Refusal {
    /// The status that says it.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Scope(_) | Self::AgentDisabled => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// Whether nothing was shown that could have let somebody in.
    pub(crate) const fn is_of_nobody(self) -> bool {
        matches!(self, Self::NoToken | Self::NotLocal)
    }

    /// The word for it in the audit trail.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::Malformed => "malformed_token",
            Self::Expired => "expired_token",
            Self::Revoked => "revoked_token",
            Self::AgentDisabled => "agent_disabled",
            Self::Scope(_) => "scope",
            Self::NotLocal => "not_local",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What a request shows of who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A token of the profile, or the person at the keyboard of an open server.
    Known(Arc<Identity>),
    /// A token that the database may know.
    Token(Hash),
    /// Nothing that could be let in.
    None(Refusal),
}

/// Somebody who is not let in, and who that is as far as that is known.
#[derive(Clone, Debug)]
pub(crate) struct Turned {
    pub(crate) refusal: Refusal,
    pub(crate) who: Option<Arc<Identity>>,
}

/// Decides who is asking.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    /// By SHA-256, so that no comparison depends on a secret's bytes.
    tokens: Arc<HashMap<Hash, Arc<Identity>>>,
    known: Known,
    loopback: bool,
}

impl Auth {
    pub(crate) fn new(profile: &Profile, known: Known) -> Self {
        let tokens = profile.server.tokens.iter();
        let tokens = tokens.map(|t| {
            let identity = Arc::new(Identity::of(t));
            (digest(t.token.expose().as_bytes()), identity)
        });
        Self {
            tokens: Arc::new(tokens.collect()),
            known,
            loopback: profile.server.listen.ip().is_loopback(),
        }
    }

    /// Whether requests without a token are answered (for loopback peers).
    pub(crate) fn is_open(&self) -> bool {
        self.loopback && self.tokens.is_empty() && !self.known.were_issued()
    }

    /// Whether tokens are accepted without asking the database that is away.
    pub(crate) fn is_remembering(&self) -> bool {
        self.known.is_away()
    }

    /// What a request shows. `keys` are the places in which an SDK may have put a
    /// systemprompt token instead of the provider's key.
    pub(crate) fn credential<'a>(
        &self,
        headers: &'a HeaderMap,
        peer: SocketAddr,
        keys: impl IntoIterator<Item = &'a [u8]>,
    ) -> Credential {
        let own = headers
            .get("x-systemprompt-token")
            .map(http::HeaderValue::as_bytes);
        let mut refusal = Refusal::NoToken;
        for key in own.into_iter().chain(keys) {
            if let Some(identity) = self.tokens.get(&digest(key)) {
                return Credential::Known(Arc::clone(identity));
            }
            refusal = match str::from_utf8(key).map(str::parse::<TokenText>) {
                Ok(Ok(token)) => return Credential::Token(tokens::hash(&token)),
                _ if key.starts_with(b"sp_") => Refusal::Malformed,
                _ => Refusal::UnknownToken,
            };
        }
        if !self.is_open() {
            Credential::None(refusal)
        } else if is_local(headers, peer) {
            Credential::Known(Arc::default())
        } else {
            Credential::None(Refusal::NotLocal)
        }
    }

    /// The identity behind what a request shows, if it may do what `scope` covers.
    /// A token that was verified a moment ago costs no question.
    pub(crate) async fn admit(
        &self,
        credential: Credential,
        scope: Scope,
    ) -> Result<Arc<Identity>, Turned> {
        let stranger = |refusal| Turned { refusal, who: None };
        let identity = match credential {
            Credential::Known(identity) => identity,
            Credential::Token(hash) => self.known.identify(hash).await?,
            Credential::None(refusal) => return Err(stranger(refusal)),
        };
        if identity.has(scope) {
            Ok(identity)
        } else {
            Err(Turned {
                refusal: Refusal::Scope(scope),
                who: Some(identity),
            })
        }
    }
}

fn digest(key: &[u8]) -> Hash {
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
pub(crate) fn is_local(headers: &HeaderMap, peer: SocketAddr) -> bool {
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
