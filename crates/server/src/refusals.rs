//! Refusals leave a trace: every 401 and 403 of ours is a `permission_denied` in
//! the audit trail. The first of a source is told at once, those that follow
//! within a minute as one event with their number, so that a flood cannot fill
//! the log; nor memory, as the sources are bounded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};
use systemprompt_capture::Recorder;
use systemprompt_domain::event::{AuditCategory, AuditEvent, Outcome};
use systemprompt_domain::trace::TraceParent;
use systemprompt_domain::{Event, Scope, TraceId};
use time::OffsetDateTime;

use crate::auth::Identity;
use crate::door::client::ClientAddress;

/// How long a source's further refusals are counted before they are told.
const WINDOW: Duration = Duration::from_secs(60);
/// How often windows are looked at.
const ROUND: Duration = Duration::from_secs(5);
/// Sources that are told apart at once; all beyond count as one.
const SOURCES: usize = 1024;
/// More than an event takes in the spool: names are bounded.
const ROOM: u64 = 8 * 1024;

/// What marks an answer as a refusal of ours: a provider's own is none.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    scope: Scope,
    reason: &'static str,
    who: Option<Arc<Identity>>,
}

impl Denied {
    /// Somebody may not do what `scope` covers.
    pub(crate) const fn new(
        scope: Scope,
        reason: &'static str,
        who: Option<Arc<Identity>>,
    ) -> Self {
        Self { scope, reason, who }
    }

    /// Marks the answer, if it is a refusal.
    pub(crate) fn mark<B>(self, response: &mut http::Response<B>) {
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if refused.contains(&response.status()) {
            response.extensions_mut().insert(self);
        }
    }
}

/// Counts refusals and records them. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Refusals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` while analytics is off: nothing is recorded.
    recorder: Option<Recorder>,
    sources: Mutex<HashMap<Source, Window>>,
}

/// Who is refused, as far as floods are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    Token(String),
    /// A /24 of IPv4 or a /48 of IPv6.
    Network(String),
    /// All that there is no room for.
    Others,
}

/// Refusals of a source since one of them was told.
#[derive(Debug)]
struct Window {
    begun: Instant,
    /// What is to be told, with its count; the oldest of them.
    pending: Option<AuditEvent>,
}

/// Hears of every answer, and notes those that are refusals.
pub(crate) async fn notice(
    State(refusals): State<Refusals>,
    Extension(client): Extension<ClientAddress>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let parent = request.headers().get("traceparent").cloned();
    let response = next.run(request).await;
    if let Some(denied) = response.extensions().get::<Denied>() {
        let trace = parent.as_ref().and_then(trace_of);
        let event = event(denied, client, trace, &method, response.status());
        refusals.note(Source::of(denied, client), event, Instant::now());
    }
    response
}

fn trace_of(parent: &HeaderValue) -> Option<TraceId> {
    let parent: TraceParent = parent.to_str().ok()?.parse().ok()?;
    Some(parent.trace_id)
}

impl Refusals {
    pub(crate) fn new(recorder: Option<Recorder>) -> Self {
        Self(Arc::new(Inner {
            recorder,
            sources: Mutex::default(),
        }))
    }

    fn note(&self, source: Source, event: AuditEvent, now: Instant) {
        if self.0.recorder.is_none() {
            return;
        }
        let mut sources = self.sources();
        let source = if sources.len() < SOURCES || sources.contains_key(&source) {
            source
        } else {
            Source::Others
        };
        if let Some(window) = sources.get_mut(&source) {
            match &mut window.pending {
                Some(pending) => pending.count += 1,
                None => window.pending = Some(event),
            }
            return;
        }
        let pending = self.record(event);
        let begun = now;
        sources.insert(source, Window { begun, pending });
    }

    /// Tells what was counted, window by window, for as long as the server runs.
    pub(crate) async fn tend(self) {
        loop {
            tokio::time::sleep(ROUND).await;
            self.tell(|window| window.begun.elapsed() >= WINDOW);
        }
    }

    /// Tells what was counted so far: the server ends.
    pub(crate) fn close(&self) {
        self.tell(|_| true);
    }

    /// Ends windows. One in which nothing was counted is forgotten; after another
    /// one counting goes on.
    fn tell(&self, over: impl Fn(&Window) -> bool) {
        self.sources().retain(|_, window| {
            if !over(window) {
                return true;
            }
            let Some(event) = window.pending.take() else {
                return false;
            };
            // Without room on disk it is kept for the next round.
            window.pending = self.record(event);
            window.begun = Instant::now();
            true
        });
    }

    /// Records an event, or gives it back where there is no room for it.
    fn record(&self, event: AuditEvent) -> Option<AuditEvent> {
        let admitted = self.0.recorder.as_ref().and_then(|recorder| {
            let admission = recorder.admit(ROOM)?;
            Some((recorder, admission))
        });
        let Some((recorder, admission)) = admitted else {
            return Some(event);
        };
        recorder.record(&Event::Audit(Box::new(event)));
        drop(admission);
        None
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<Source, Window>> {
        self.0
            .sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn of(denied: &Denied, client: ClientAddress) -> Self {
        let token = denied.who.as_ref().and_then(|who| who.token.clone());
        token.map_or_else(|| Self::Network(client.network()), Self::Token)
    }
}

/// What is told of a refusal. Nothing in it is chosen by who was refused but the
/// method and the trace: a path might hold the token that was put there by
/// mistake.
fn event(
    denied: &Denied,
    client: ClientAddress,
    trace_id: Option<TraceId>,
    method: &Method,
    status: StatusCode,
) -> AuditEvent {
    let method = if method.as_str().len() > 16 {
        "other"
    } else {
        method.as_str()
    };
    let detail = BTreeMap::from(
        [
            ("scope", denied.scope.to_string()),
            ("reason", denied.reason.to_owned()),
            ("status", status.as_u16().to_string()),
            ("method", method.to_owned()),
            ("network", client.network()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    let who = denied.who.as_deref();
    AuditEvent {
        category: AuditCategory::Authorization,
        event: "permission_denied".to_owned(),
        at: OffsetDateTime::now_utc(),
        user: who.and_then(|who| who.user.clone()),
        agent: who.and_then(|who| who.agent.clone()),
        token: who.and_then(|who| who.token.clone()),
        trace_id,
        outcome: Outcome::Denied,
        detail,
        count: 1,
    }
}
