//! Page views of web sites: the script that pages load, what it reports, and a
//! picture for pages without scripts. What is reported goes to a spool of its own,
//! so that a flood of it cannot touch the gateway.

mod client;
mod collect;
mod keys;
mod limit;
mod pixel;
mod script;
mod site;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use sqlx::PgPool;
use systemprompt_capture::{Recorder, Spool};
use systemprompt_config::Profile;
use systemprompt_domain::Clock;
use systemprompt_domain::Event;
use systemprompt_domain::web::Visit;
use systemprompt_storage::web::Salts;
use systemprompt_web::Places;

pub(crate) use self::keys::follow as follow_keys;
use self::limit::Limiter;
use self::script::Script;
use self::site::Sites;

/// How long a report may wait for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// What a report may take in the spool, beside its body.
const ROOM: u64 = 4 * 1024;

/// Where things are answered.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) script: String,
    pub(crate) collect: String,
    pub(crate) pixel: String,
}

/// Takes what pages report. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Web(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sites: Sites,
    limiter: Limiter,
    script: Script,
    places: Places,
    salts: Arc<Salts>,
    recorder: Recorder,
    body_idle: Duration,
}

impl Web {
    /// Takes reports into this spool.
    ///
    /// # Errors
    /// When the database of countries cannot be read, or the database fails.
    pub(crate) async fn start(
        profile: &Profile,
        spool: Spool,
        pool: &PgPool,
    ) -> anyhow::Result<Self> {
        let places = match &profile.web.country_database {
            None => Places::BuiltIn,
            Some(file) => {
                let why = || format!("cannot use the database of countries {}", file.display());
                let bytes = std::fs::read(file).with_context(why)?;
                Places::database(bytes).with_context(why)?
            }
        };
        let salts = Salts::load(pool, Clock::System.now())
            .await
            .context("cannot keep the keys of visitors' hashes in the database")?;
        Ok(Self(Arc::new(Inner {
            sites: Sites::new(&profile.web.sites),
            limiter: Limiter::new(profile.web.requests_per_minute),
            script: Script::new(&profile.web.collect),
            places,
            salts: Arc::new(salts),
            recorder: Recorder::new(spool, DISK_PATIENCE),
            body_idle: profile.limits.downstream.body_idle_timeout,
        })))
    }

    pub(crate) fn salts(&self) -> Arc<Salts> {
        Arc::clone(&self.0.salts)
    }

    /// Records visits durably; 503 where there is no room for them.
    async fn record(&self, visits: Vec<Visit>, bytes: usize) -> Result<(), Refusal> {
        let recorder = &self.0.recorder;
        let room = ROOM * visits.len().max(1) as u64 + 4 * bytes as u64;
        let Some(_admission) = recorder.admit(room) else {
            return Err(Refusal::Full);
        };
        let mut last = None;
        for visit in visits {
            last = Some(recorder.record_durably(&Event::Web(Box::new(visit))));
        }
        if let Some(last) = last {
            // What is not on disk yet will be: it is counted there.
            let _ = last.durable().await;
        }
        Ok(())
    }
}

/// Why a report is not taken. Nothing of it is said again.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    Off,
    TooMany,
    Full,
    Bad(StatusCode, String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message, after) = match self {
            Self::Off => (
                StatusCode::NOT_FOUND,
                "page views are not taken here (web.enabled)".to_owned(),
                None,
            ),
            Self::TooMany => {
                let message = "too many reports from this address; try again in a minute";
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    message.to_owned(),
                    Some("60"),
                )
            }
            Self::Full => {
                let message = "there is no room for reports at the moment";
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    message.to_owned(),
                    Some("5"),
                )
            }
            Self::Bad(status, message) => (status, message, None),
        };
        let body = serde_json::json!({"error": {"message": message}});
        let after = after.map(|seconds| [(http::header::RETRY_AFTER, seconds)]);
        match after {
            Some(after) => (status, after, axum::Json(body)).into_response(),
            None => (status, axum::Json(body)).into_response(),
        }
    }
}

/// What answers on each path. Without a `web`, nothing is taken.
pub(crate) fn script(web: Option<&Web>) -> MethodRouter {
    match web {
        Some(web) => get(script::serve).with_state(web.0.script.clone()),
        None => get(|| async { Refusal::Off }),
    }
}

pub(crate) fn collect(web: Option<Web>) -> MethodRouter {
    match web {
        Some(web) => {
            let allowing = middleware::from_fn_with_state(web.clone(), collect::allow);
            post(collect::take)
                .options(collect::preflight)
                .with_state(web)
                .layer(allowing)
        }
        None => post(|| async { Refusal::Off }),
    }
}

pub(crate) fn pixel(web: Option<Web>) -> MethodRouter {
    match web {
        Some(web) => get(pixel::serve).with_state(web),
        None => get(|| async { Refusal::Off }),
    }
}
