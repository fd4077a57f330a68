//! People at `/admin`: signing in and out, first passwords, and who a browser
//! belongs to. Sessions are looked up in the database for every page, so they
//! end on all servers at once.

mod cookie;
mod form;
mod origin;
mod page;
mod problem;
mod setup;
mod sign_in;
mod sign_out;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use axum::routing::{MethodRouter, any, get, post};
use http::request::Parts;
use sqlx::PgPool;
use systemprompt_config::Limits;
use systemprompt_domain::Clock;
use systemprompt_storage::users::{self, Passwords, Policy, Secret, Session, UsersError};

pub(crate) use self::form::Form;
pub(crate) use self::page::page;
pub(crate) use self::problem::Problem;
pub(crate) use self::visitor::Visitor;

/// What signing in needs; shared by all requests.
#[derive(Clone, Debug)]
pub(crate) struct Login(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    passwords: Passwords,
    policy: Policy,
    /// How long a form may be silent in the middle.
    body_idle: Duration,
    clock: Clock,
}

impl Login {
    pub(crate) fn new(pool: PgPool, limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            pool,
            passwords: Passwords::default(),
            policy: Policy {
                idle: limits.sessions.idle_timeout,
                lifetime: limits.sessions.lifetime,
            },
            body_idle: limits.downstream.body_idle_timeout,
            clock: Clock::System,
        }))
    }

    /// The key of a link that makes the first user; `None` where there are users.
    pub(crate) async fn first_link(&self) -> Result<Option<Secret>, UsersError> {
        users::first(&self.0.pool, self.0.clock.now()).await
    }

    /// The session of a request's browser.
    pub(crate) async fn session(&self, visitor: &Visitor) -> Result<Option<Session>, UsersError> {
        let Some(id) = &visitor.session else {
            return Ok(None);
        };
        let Inner {
            pool,
            policy,
            clock,
            ..
        } = &*self.0;
        users::find(pool, id, *policy, clock.now()).await
    }

    /// Every browser that the user of a session is signed in with.
    pub(crate) async fn sessions(&self, own: &Session) -> Result<Vec<Session>, UsersError> {
        let inner = &*self.0;
        users::of(&inner.pool, &own.user, inner.policy, inner.clock.now()).await
    }

    /// The name of who is signed in.
    pub(crate) async fn user(&self, head: &Parts) -> Option<String> {
        let visitor = Visitor::of(head);
        match self.session(&visitor).await {
            Ok(session) => session.map(|session| session.user),
            Err(error) => {
                tracing::warn!(%error, "cannot tell whether a browser is signed in");
                None
            }
        }
    }
}

/// What is below `/admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    SignIn,
    SignOut,
    /// Ends the user's other sessions.
    EndOthers,
    /// Where a one-time link leads.
    Setup,
    /// Everything else.
    Missing,
}

/// What answers for a page.
pub(crate) fn answer(page: Page, login: Login) -> MethodRouter {
    let methods = match page {
        Page::SignIn => get(sign_in::show).post(sign_in::sign_in),
        Page::SignOut => post(sign_out::sign_out),
        Page::EndOthers => post(sign_out::end_others),
        Page::Setup => get(setup::show).post(setup::choose),
        Page::Missing => any(page::missing),
    };
    guarded(methods.with_state(login))
}

/// A page's handlers with what stands before all of them: forms come from our own
/// pages, and answers have the headers of pages.
pub(crate) fn guarded(methods: MethodRouter) -> MethodRouter {
    methods
        .layer(middleware::from_fn(origin::guard))
        .layer(middleware::map_response(page::harden))
}
