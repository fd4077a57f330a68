//! `POST /v1/traces`, `/v1/logs`, `/v1/metrics`: OpenTelemetry over HTTP. What exporters
//! tell of requests and tool calls takes the way of those through the gateway: it is
//! on disk before the answer leaves, and stored once, however often it is sent.

mod describe;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use systemprompt_domain::Event;
use systemprompt_otlp::{Batch, Format, Sighting, Signal, What, failure, inflate, receipt};
use systemprompt_pricing::Catalogue;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

pub(crate) use self::describe::operations;
use crate::api::harden;
use crate::auth::Identity;
use crate::catalogue::price;
use crate::door::body::{Fault, read};
use crate::reported::{Full, Sightings};

/// The largest body as it comes.
const BODY: u64 = 8 << 20;
/// The largest body once it is inflated: spans may carry whole conversations.
const INFLATED: usize = 32 << 20;
/// Exports that are read at once; each holds its body in memory.
const AT_ONCE: usize = 4;
/// Room set aside on disk for one event. Everything that goes into it is bounded so
/// that it fits.
const ROOM: u64 = 8 * 1024;

/// What metrics are answered.
const NO_METRICS: &str = "metrics are not stored: spans and log events tell of the same \
                          requests one by one; set OTEL_METRICS_EXPORTER=none to spare the way";

/// Where exports go.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// `None` while analytics is off.
    sightings: Option<Sightings>,
    body_idle: Duration,
    at_once: Arc<Semaphore>,
}

impl Front {
    pub(crate) fn new(sightings: Option<Sightings>, body_idle: Duration) -> Self {
        Self {
            sightings,
            body_idle,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// The route of a signal. Every request must carry an `Extension<Arc<Identity>>`.
pub(crate) fn take(front: Front, signal: Signal) -> MethodRouter {
    post(receive)
        .fallback(refuse_method)
        .with_state((front, signal))
        .layer(middleware::map_response(harden))
}

/// Why an export is not taken.
struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    fn into_response(self, format: Format) -> Response {
        let mut response = (self.status, failure(format, &self.message)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type(format));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

async fn receive(
    State((front, signal)): State<(Front, Signal)>,
    Extension(identity): Extension<Arc<Identity>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let stated = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let Some(format) = stated.and_then(Format::named) else {
        let text = "send application/x-protobuf or application/json; gRPC is not spoken here";
        let refused = Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        return refused.into_response(Format::Json);
    };
    match front.store(signal, format, &identity, &headers, body).await {
        Ok(answer) => ([(CONTENT_TYPE, content_type(format))], answer).into_response(),
        Err(refused) => refused.into_response(format),
    }
}

const fn content_type(format: Format) -> HeaderValue {
    HeaderValue::from_static(format.content_type())
}

async fn refuse_method() -> impl IntoResponse {
    let refused = Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "OpenTelemetry is exported with POST",
    );
    ([(ALLOW, "POST")], refused.into_response(Format::Json))
}

impl Front {
    /// Takes an export; answers what is to be said of it.
    async fn store(
        &self,
        signal: Signal,
        format: Format,
        identity: &Identity,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Vec<u8>, Refused> {
        let zipped = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(_) => {
                let text = "send the export without content-encoding, or with gzip";
                return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
            }
        };
        let body = read(&HeaderMap::new(), body, BODY, self.body_idle).await;
        let body = body.map_err(unread)?;
        let _permit = self.at_once.acquire().await;
        let batch = tokio::task::spawn_blocking(move || decode(signal, format, &body, zipped));
        let batch = batch.await.map_err(|_| {
            let text = "the export cannot be read; the server's log says why";
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, text)
        })??;
        let Some(sightings) = &self.sightings else {
            let off = "analytics is turned off here (analytics.enabled): nothing is recorded";
            let rejected = batch.rejected + batch.seen.len();
            return Ok(receipt(signal, format, rejected, Some(off)));
        };
        tracing::debug!(
            taken = batch.seen.len(),
            ignored = batch.ignored,
            rejected = batch.rejected,
            "an export"
        );
        let catalogue = sightings.prices.current();
        let events = batch.seen.iter();
        let events: Vec<_> = events
            .map(|seen| event(seen, identity, &catalogue))
            .collect();
        sightings.put(&events, ROOM).await.map_err(|Full| {
            let text = "exports cannot be recorded at the moment; send this one again later";
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, text)
        })?;
        let remark = (signal == Signal::Metrics).then_some(NO_METRICS);
        let reason = batch.reason.as_deref().or(remark);
        Ok(receipt(signal, format, batch.rejected, reason))
    }
}

fn unread(fault: Fault) -> Refused {
    match fault {
        Fault::TooLarge => {
            let limit = BODY >> 20;
            let text = format!("the body is larger than {limit} MiB; export fewer records at once");
            Refused::new(StatusCode::PAYLOAD_TOO_LARGE, text)
        }
        Fault::Stalled => Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        ),
        Fault::Cut => Refused::new(StatusCode::BAD_REQUEST, "the body broke off"),
    }
}

fn decode(signal: Signal, format: Format, body: &Bytes, zipped: bool) -> Result<Batch, Refused> {
    let inflated;
    let body = if zipped {
        inflated = inflate(body, INFLATED).map_err(|error| {
            let status = match error {
                systemprompt_otlp::InflateError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                systemprompt_otlp::InflateError::Broken => StatusCode::BAD_REQUEST,
            };
            Refused::new(status, error.to_string())
        })?;
        &inflated
    } else {
        body
    };
    let now = OffsetDateTime::now_utc();
    let batch = systemprompt_otlp::read(signal, format, body, now);
    batch.map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// What is recorded of a sighting: whose it is, and what it cost.
fn event(seen: &Sighting, identity: &Identity, catalogue: &Catalogue) -> Event {
    let whose = |user: &mut Option<String>, agent: &mut Option<String>| {
        // Whom the token stands for, it stands for.
        if identity.user.is_some() {
            user.clone_from(&identity.user);
        }
        let named = agent.take().filter(|agent| identity.may_report_on(agent));
        let service = || seen.service.clone();
        let service = || service().filter(|service| identity.may_report_on(service));
        *agent = named.or_else(|| identity.agent.clone()).or_else(service);
    };
    match &seen.what {
        What::Request(request) => {
            let mut request = request.clone();
            let context = &mut request.context;
            whose(&mut context.user, &mut context.agent);
            context.token.clone_from(&identity.token);
            price(&mut request, catalogue);
            Event::RequestReported(request)
        }
        What::Tool(call) => {
            let mut call = call.clone();
            whose(&mut call.user, &mut call.agent);
            call.token.clone_from(&identity.token);
            Event::ToolCalled(call)
        }
    }
}
