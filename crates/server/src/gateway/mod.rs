//! The gateway: a transparent proxy to AI providers that records what passes.
//!
//! One request: who asks ([`crate::auth`]) → what it is ([`routes`]) → room on
//! disk for its end → `request_started` → upstream → bytes stream back while a
//! meter reads a copy ([`exchange`]) → `request_completed` on disk → the
//! provider's last bytes leave.

mod answer;
mod body;
mod context;
mod errors;
mod exchange;
mod finish;
mod headers;
mod incoming;
mod passthrough;
mod pause;
mod routes;
mod upstream;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use http::{Request, Response, StatusCode, header};
use systemprompt_capture::{Admission, Recorder};
use systemprompt_config::{Credentials, Profile, Provider};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::text::bounded;
use systemprompt_domain::{Api, RequestState, Scope};
use systemprompt_meters::{Call, classify, inject_include_usage, read_request};
use tokio::sync::{Semaphore, oneshot};

use self::context::Attribution;
use self::errors::GatewayError;
use self::exchange::Exchange;
pub(crate) use self::headers::{downstream, passed};
pub(crate) use self::upstream::client;
use crate::asked::Asked;
use crate::auth::{Auth, Identity};
use crate::budgets::Budgets;
use crate::catalogue::Prices;
use crate::door::body::timed;
use crate::door::headers::hardened;
use crate::logs;
use crate::refusals::Denied;
use crate::shutdown::Shutdown;
use crate::swap::Swap;

/// Room set aside on disk for what one request records. Everything that goes
/// into an event is bounded so that it fits.
const ROOM: u64 = 16 * 1024;
/// How long a burst may wait for another segment to be prepared.
const ROOM_PATIENCE: Duration = Duration::from_millis(500);

/// Everything the gateway needs to answer; shared by all requests.
#[derive(Clone, Debug)]
pub(crate) struct Gateway(Arc<Inner>);

/// The hosts behind the gateway, by name.
type Providers = HashMap<String, Provider>;

#[derive(Debug)]
struct Inner {
    providers: Swap<Providers>,
    auth: Auth,
    client: reqwest::Client,
    /// `None` while analytics is off: requests pass and nothing is recorded.
    recorder: Option<Recorder>,
    prices: Prices,
    budgets: Budgets,
    attribution: Attribution,
    asked: Asked,
    limits: systemprompt_config::Limits,
    boot: BootId,
    shutdown: Shutdown,
    /// Answers that are read to their end although the client has gone.
    drains: Arc<Semaphore>,
    undurable: AtomicU64,
    /// Requests that ended, in the order of [`RequestState::ALL`].
    ended: [AtomicU64; RequestState::ALL.len()],
}

/// The gateway behind its route, which says what it takes to use it.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) gateway: Gateway,
    pub(crate) scope: Scope,
}

/// What [`Gateway::new`] takes.
pub(crate) struct Parts {
    pub(crate) auth: Auth,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) prices: Prices,
    pub(crate) budgets: Budgets,
    pub(crate) conversation_key: [u8; 32],
    /// Where requests that ask for tools are remembered.
    pub(crate) asked: Asked,
    pub(crate) client: reqwest::Client,
    pub(crate) boot: BootId,
    pub(crate) shutdown: Shutdown,
}

impl Gateway {
    pub(crate) fn new(profile: &Profile, parts: Parts) -> Self {
        let drains = profile.limits.drain.streams as usize;
        Self(Arc::new(Inner {
            providers: Swap::new(profile.providers.clone().into_iter().collect()),
            auth: parts.auth,
            client: parts.client,
            recorder: parts.recorder,
            prices: parts.prices,
            budgets: parts.budgets,
            attribution: Attribution::new(parts.conversation_key),
            asked: parts.asked,
            limits: profile.limits.clone(),
            boot: parts.boot,
            shutdown: parts.shutdown,
            drains: Arc::new(Semaphore::new(drains)),
            undurable: AtomicU64::new(0),
            ended: Default::default(),
        }))
    }

    /// Sends requests that come from now on to other hosts, or with other keys.
    pub(crate) fn replace_providers(&self, providers: &BTreeMap<String, Provider>) {
        let providers = providers.clone().into_iter().collect();
        self.0.providers.replace(providers);
    }

    /// Whether requests are recorded; else they need no spool.
    pub(crate) fn records(&self) -> bool {
        self.0.recorder.is_some()
    }

    /// Answers that left before their event was known to be on disk.
    pub(crate) fn undurable(&self) -> u64 {
        self.0.undurable.load(Ordering::Relaxed)
    }

    /// How many requests ended since the start, by how they did. Those of a server that
    /// died are found lost by another one, so there are none of them here.
    pub(crate) fn ended(&self) -> impl Iterator<Item = (RequestState, u64)> {
        let counts = self.0.ended.iter().map(|n| n.load(Ordering::Relaxed));
        let states = RequestState::ALL.into_iter().zip(counts);
        states.filter(|(state, _)| *state != RequestState::Lost)
    }
}

impl Inner {
    /// Counts a request that ended.
    fn count(&self, state: RequestState) {
        let ended = RequestState::ALL.iter().zip(&self.ended);
        for (_, count) in ended.filter(|(one, _)| **one == state) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Answers every path below a provider's name.
pub(crate) async fn handle(
    State(Front { gateway, scope }): State<Front>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let arrived = Instant::now();
    let gateway = gateway.0;
    let providers = gateway.providers.current();
    let found = routes::split(request.uri().path())
        .and_then(|(name, rest)| Some((name, providers.get(name)?, rest)));
    let Some((name, provider, path)) = found else {
        return not_found(&providers);
    };
    let wire = provider.wire;
    let (name, path) = (name.to_owned(), path.to_owned());
    let credential = incoming::credential(&gateway, peer, provider, &request);
    let identity = match gateway.auth.admit(credential, scope).await {
        Ok(identity) => identity,
        Err(turned) => {
            let mut response = GatewayError::refusal(turned.refusal).respond(wire, None);
            Denied::new(scope, turned.refusal.as_str(), turned.who).mark(&mut response);
            return response;
        }
    };
    let answer = answer(
        &gateway, arrived, &identity, &name, provider, &path, request,
    )
    .await;
    answer.unwrap_or_else(|error| {
        let mut response = error.respond(wire, None);
        Denied::new(scope, error.kind, Some(identity)).mark(&mut response);
        response
    })
}

async fn answer(
    gateway: &Arc<Inner>,
    arrived: Instant,
    identity: &Identity,
    name: &str,
    provider: &Provider,
    path: &str,
    request: Request<Body>,
) -> Result<Response<Body>, GatewayError> {
    if !routes::is_plain(path) {
        return Err(GatewayError::new(
            StatusCode::BAD_REQUEST,
            "bad_path",
            "this path is not accepted",
        ));
    }
    if incoming::is_websocket(request.headers()) {
        return Err(GatewayError::new(
            StatusCode::NOT_IMPLEMENTED,
            "websocket",
            "WebSocket connections (Realtime, Live) are not supported by this gateway",
        ));
    }
    if gateway.shutdown.stopping.is_cancelled() {
        return Err(GatewayError::stopping().retry_after(2));
    }
    let url = upstream::url(provider, path, request.uri().query())?;
    let managed = matches!(provider.credentials, Credentials::Managed { .. });
    let call = classify(provider.wire, request.method().as_str(), path);
    let (api, path_model, path_stream) = match call {
        Call::Metered { api, model, stream } => (api, model, stream),
        Call::Unmetered if managed => (Api::Unmetered, None, false),
        Call::Unmetered | Call::Free => {
            return passthrough::forward(gateway, provider, url, request).await;
        }
    };

    let (head, body) = request.into_parts();
    let mut upstream = reqwest::Request::new(head.method.clone(), url);
    let mut context = gateway
        .attribution
        .begin(&head.headers, identity, name, api)?;
    context.requested_model = path_model.map(|model| bounded(&model));
    context.streamed = path_stream;
    let mut encoding = headers::accept_encoding(&head.headers);
    let mut injected = false;
    let mut max_tokens = None;
    if api == Api::Unmetered {
        let body = timed(body, gateway.limits.downstream.body_idle_timeout);
        *upstream.body_mut() = Some(reqwest::Body::wrap_stream(body.into_data_stream()));
    } else {
        let bytes = incoming::read_body(gateway, &head.headers, body).await?;
        context.request_bytes = bytes.len() as u64;
        // What we cannot read the provider may: it passes, without a model.
        if let Ok(facts) = read_request(api, &bytes) {
            gateway.attribution.refine(&mut context, &facts);
            max_tokens = facts.max_tokens;
            // Where nothing is recorded nothing needs the usage.
            let add =
                api == Api::ChatCompletions && provider.include_usage && gateway.recorder.is_some();
            if let Some(with_usage) = add.then(|| inject_include_usage(&bytes)).flatten() {
                injected = true;
                // The extra event is taken out again, which needs plain bytes.
                encoding = http::HeaderValue::from_static("identity");
                *upstream.body_mut() = Some(with_usage.into());
            }
        }
        if !injected {
            *upstream.body_mut() = Some(bytes.into());
        }
    }
    *upstream.headers_mut() = headers::upstream(&head.headers, provider, encoding);
    if let (Api::Unmetered, Some(length)) = (api, head.headers.get(header::CONTENT_LENGTH)) {
        upstream
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.clone());
    }
    context::propagate(&context, upstream.headers_mut());

    let admission = match &gateway.recorder {
        Some(recorder) => Some(admit(recorder).await?),
        None => None,
    };
    let ids = logs::Ids::from(&context);
    let unless_paused = pause::unless_paused(gateway, provider, context, max_tokens);
    let context = logs::during(ids, unless_paused).await?;
    let exchange = Exchange {
        gateway: Arc::clone(gateway),
        wire: provider.wire,
        context,
        arrived,
        injected,
        admission,
    };
    // The exchange outlives this future: a client that leaves drops us, and the
    // provider bills all the same.
    let (reply, answer) = oneshot::channel();
    let work = logs::during(ids, exchange.run(upstream, reply));
    gateway.shutdown.work.spawn(work);
    answer.await.map_err(|_| {
        GatewayError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the gateway failed",
        )
    })
}

/// Sets room aside for the request's records. No room: no request, before it
/// costs anything.
async fn admit(recorder: &Recorder) -> Result<Admission, GatewayError> {
    let begun = Instant::now();
    loop {
        if let Some(admission) = recorder.admit(ROOM) {
            return Ok(admission);
        }
        if begun.elapsed() > ROOM_PATIENCE {
            return Err(GatewayError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "spool_full",
                "the gateway cannot record requests at the moment and does not let unrecorded ones through",
            )
            .retry_after(5));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Does not repeat the path: somebody may have put a key there.
fn not_found(providers: &Providers) -> Response<Body> {
    let mut names: Vec<_> = providers.keys().map(|name| format!("/{name}")).collect();
    names.sort_unstable();
    let message = format!(
        "nothing is served at this path; AI providers are at {}, the API at /api/v1, its description at /api/docs",
        names.join(", ")
    );
    let body = serde_json::json!({"error": {"message": message}}).to_string();
    let response = Response::builder()
        .status(StatusCode::NOT_FOUND)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body));
    hardened(response.expect("a static header is valid"))
}
