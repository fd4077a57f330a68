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

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use http::{Request, Response, StatusCode, header};
use systemprompt_capture::{Admission, Recorder};
use systemprompt_config::{Credentials, Profile, Provider};
use systemprompt_domain::Api;
use systemprompt_domain::ids::BootId;
use systemprompt_meters::{inject_include_usage, read_request};
use tokio::sync::{Semaphore, oneshot};

use self::context::Attribution;
use self::errors::GatewayError;
use self::exchange::Exchange;
use self::routes::Call;
use crate::auth::Auth;
use crate::budgets::Budgets;
use crate::catalogue::Prices;
use crate::shutdown::Shutdown;

/// Room set aside on disk for what one request records. Everything that goes
/// into an event is bounded so that it fits.
const ROOM: u64 = 16 * 1024;
/// How long a burst may wait for another segment to be prepared.
const ROOM_PATIENCE: Duration = Duration::from_millis(500);

/// Everything the gateway needs to answer; shared by all requests.
#[derive(Clone, Debug)]
pub(crate) struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    providers: HashMap<String, Provider>,
    auth: Auth,
    client: reqwest::Client,
    /// `None` while analytics is off: requests pass and nothing is recorded.
    recorder: Option<Recorder>,
    prices: Prices,
    budgets: Budgets,
    attribution: Attribution,
    limits: systemprompt_config::Limits,
    boot: BootId,
    shutdown: Shutdown,
    /// Answers that are read to their end although the client has gone.
    drains: Arc<Semaphore>,
    undurable: AtomicU64,
}

/// What [`Gateway::new`] takes.
pub(crate) struct Parts {
    pub(crate) auth: Auth,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) prices: Prices,
    pub(crate) budgets: Budgets,
    pub(crate) conversation_key: [u8; 32],
    pub(crate) boot: BootId,
    pub(crate) shutdown: Shutdown,
}

impl Gateway {
    pub(crate) fn new(profile: &Profile, parts: Parts) -> anyhow::Result<Self> {
        let drains = profile.limits.drain.streams as usize;
        Ok(Self(Arc::new(Inner {
            providers: profile.providers.clone().into_iter().collect(),
            auth: parts.auth,
            client: upstream::client(&profile.limits.upstream)?,
            recorder: parts.recorder,
            prices: parts.prices,
            budgets: parts.budgets,
            attribution: Attribution::new(parts.conversation_key),
            limits: profile.limits.clone(),
            boot: parts.boot,
            shutdown: parts.shutdown,
            drains: Arc::new(Semaphore::new(drains)),
            undurable: AtomicU64::new(0),
        })))
    }

    /// Whether requests are recorded; else they need no spool.
    pub(crate) fn records(&self) -> bool {
        self.0.recorder.is_some()
    }

    /// Answers that left before their event was known to be on disk.
    pub(crate) fn undurable(&self) -> u64 {
        self.0.undurable.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Answers every path below a provider's name.
pub(crate) async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let arrived = Instant::now();
    let gateway = gateway.0;
    let found = routes::split(request.uri().path())
        .and_then(|(name, rest)| Some((name, gateway.providers.get(name)?, rest)));
    let Some((name, provider, path)) = found else {
        return not_found(&gateway, request.uri().path());
    };
    let wire = provider.wire;
    let (name, path) = (name.to_owned(), path.to_owned());
    let answer = answer(&gateway, arrived, peer, &name, provider, &path, request).await;
    answer.unwrap_or_else(|error| error.respond(wire, None))
}

async fn answer(
    gateway: &Arc<Inner>,
    arrived: Instant,
    peer: SocketAddr,
    name: &str,
    provider: &Provider,
    path: &str,
    request: Request<Body>,
) -> Result<Response<Body>, GatewayError> {
    let identity = incoming::identify(gateway, peer, provider, &request)?;
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
    let call = routes::classify(provider.wire, request.method(), path);
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
        .begin(&head.headers, &identity, name, api)?;
    context.requested_model = path_model.map(|model| context::bounded(&model));
    context.streamed = path_stream;
    let mut encoding = headers::accept_encoding(&head.headers);
    let mut injected = false;
    let mut max_tokens = None;
    if api == Api::Unmetered {
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
    let context = pause::unless_paused(gateway, provider, context, max_tokens).await?;
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
    gateway.shutdown.work.spawn(exchange.run(upstream, reply));
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

fn not_found(gateway: &Inner, path: &str) -> Response<Body> {
    let mut names: Vec<_> = gateway
        .providers
        .keys()
        .map(|name| format!("/{name}"))
        .collect();
    names.sort_unstable();
    let message = format!(
        "nothing is served at {path}; AI providers are at {}, the API at /api/v1, its description at /api/docs",
        names.join(", ")
    );
    let body = serde_json::json!({"error": {"message": message}}).to_string();
    Response::builder()
        .status(StatusCode::NOT_FOUND)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .expect("a static header is valid")
}
