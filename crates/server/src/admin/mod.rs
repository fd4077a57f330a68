//! The dashboard at `/admin`: pages of panels, each of which asks a question of the
//! registry, so that what people see is what the command line says.

mod access;
mod account;
mod ask;
mod assets;
mod charts;
mod form;
mod frame;
mod health;
mod jobs;
mod known;
mod live;
mod pages;
mod panel;
mod render;
mod reports;
mod show;
mod verify;
mod view;

use std::sync::Arc;

use axum::routing::{MethodRouter, get, post};
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_jobs::Runner;
use systemprompt_reporting::Settings;

use self::ask::Desk;
pub(crate) use self::assets::style;
pub(crate) use self::live::Live;
pub(crate) use self::verify::Verification;
use crate::catalogue::Prices;
use crate::health::Health;
use crate::login::{Login, guarded};

/// What the dashboard answers from. Clones are the same.
#[derive(Clone)]
pub(crate) struct Admin(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) login: Login,
    /// For a look at the database itself.
    pub(crate) pool: PgPool,
    /// The questions' own pool.
    pub(crate) questions: PgPool,
    /// For what is changed here: tokens and users.
    pub(crate) control: PgPool,
    pub(crate) settings: Arc<Settings>,
    pub(crate) health: Health,
    pub(crate) prices: Prices,
    pub(crate) live: Live,
    /// The jobs, to be run by hand, and where reports are.
    pub(crate) jobs: Runner,
    pub(crate) verification: Verification,
    /// A request to try where there is nothing to show.
    pub(crate) example: String,
    /// Whether what is shown was made up.
    pub(crate) demo: bool,
}

impl Admin {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

/// What is below `/admin` for people who are signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first page.
    Overview,
    /// A page of panels.
    Page,
    /// A page about one thing.
    Single,
    /// Tokens and users.
    Access,
    CreateToken,
    RotateToken,
    RevokeToken,
    InviteUser,
    SwitchUser,
    /// What servers do by themselves.
    Jobs,
    RunJob,
    SwitchJob,
    /// The daily reports, and one of them.
    Reports,
    Report,
    /// Verifies the audit log.
    VerifyAudit,
    /// Who is signed in, and where.
    Account,
    /// How the server is.
    Health,
    /// Style sheet and script.
    Asset,
    /// Tells open pages what changed.
    Live,
}

/// What the handlers of all places share.
#[derive(Clone)]
struct State {
    admin: Admin,
    desk: Desk,
}

/// The routes' handlers.
#[derive(Clone)]
pub(crate) struct Dashboard(State);

impl Dashboard {
    pub(crate) fn new(admin: Admin) -> Self {
        let inner = &admin.0;
        let desk = Desk::new(
            inner.questions.clone(),
            Arc::clone(&inner.settings),
            Clock::System,
        );
        inner.live.forget_on_change(desk.clone());
        Self(State { admin, desk })
    }

    /// What answers for a place.
    pub(crate) fn answer(&self, place: Place) -> MethodRouter {
        let methods = match place {
            Place::Overview => get(show::overview),
            Place::Page => get(show::page),
            Place::Single => get(show::single),
            Place::Access => get(access::show),
            Place::CreateToken => post(access::create_token),
            Place::RotateToken => post(access::rotate_token),
            Place::RevokeToken => post(access::revoke_token),
            Place::InviteUser => post(access::invite_user),
            Place::SwitchUser => post(access::switch_user),
            Place::Jobs => get(jobs::show),
            Place::RunJob => post(jobs::run),
            Place::SwitchJob => post(jobs::switched),
            Place::Reports => get(reports::show),
            Place::Report => get(reports::read),
            Place::VerifyAudit => post(verify::start),
            Place::Account => get(account::show),
            Place::Health => get(health::show),
            Place::Asset => get(assets::asset),
            // Who may listen is decided before: it is a part of the API.
            Place::Live => return get(live::listen).with_state(self.0.clone()),
        };
        guarded(methods.with_state(self.0.clone()))
    }
}
