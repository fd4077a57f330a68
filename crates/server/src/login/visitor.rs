//! What a request says of the browser behind it.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::USER_AGENT;
use http::request::Parts;

use super::cookie;
use crate::auth::is_local;
use crate::door::client::ClientAddress;

/// The browser behind a request.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// The network of its address.
    pub(crate) network: String,
    /// Whether its cookies are bound to encryption: not on this machine itself.
    pub(crate) secure: bool,
    /// The session id in its cookie, whatever that is worth.
    pub(crate) session: Option<String>,
    /// What it calls itself.
    pub(crate) user_agent: Option<String>,
}

impl Visitor {
    pub(super) fn of(head: &Parts) -> Self {
        let address = head.extensions.get::<ClientAddress>();
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let secure = !peer.is_some_and(|peer| is_local(&head.headers, peer.0));
        let agent = head.headers.get(USER_AGENT);
        Self {
            network: address.map_or_else(|| "unknown".to_owned(), |address| address.network()),
            secure,
            session: cookie::read(&head.headers, secure),
            user_agent: agent.and_then(|agent| agent.to_str().ok().map(str::to_owned)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(head))
    }
}
