//! One exchange with a provider, from the request's start to its recorded end.
//! It runs as a task of its own, so that it ends properly whatever the client
//! does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use systemprompt_capture::{Admission, Durability};
use systemprompt_domain::event::{RequestContext, RequestStarted};
use systemprompt_domain::{Api, Event, RequestState, Wire};
use systemprompt_meters::{Meter, UsageFilter};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::answer::{Client, SMALL};
use super::errors::GatewayError;
use super::finish::{End, Finish};
use super::{Inner, headers, incoming};
use crate::door::body::is_stall;

/// How long the end of the body is waited for after the terminal event: with it
/// the connection can be used again, without it the answer is as whole.
const AFTER_TERMINAL: Duration = Duration::from_millis(50);

/// A request that has been admitted.
pub(super) struct Exchange {
    pub(super) gateway: Arc<Inner>,
    pub(super) wire: Wire,
    pub(super) context: RequestContext,
    pub(super) arrived: Instant,
    /// `include_usage` was added and its event has to be taken out again.
    pub(super) injected: bool,
    /// Room for the records, if there will be any; held until the last one is
    /// written.
    pub(super) admission: Option<Admission>,
}

/// What reading the provider's body came to.
struct Read {
    end: End,
    meter: Meter,
    ttfb: Option<Duration>,
    bytes: u64,
    /// Bytes that leave once the end is on disk.
    held: Vec<Bytes>,
    /// The client left before the provider's terminal event.
    left_early: bool,
    /// What has left ends in the middle of an event.
    mid_event: bool,
}

impl Exchange {
    pub(super) async fn run(
        self,
        upstream: reqwest::Request,
        reply: oneshot::Sender<Response<Body>>,
    ) {
        let mut client = Client::new(reply);
        if let Some(recorder) = &self.gateway.recorder {
            let started = RequestStarted {
                context: self.context.clone(),
                boot: self.gateway.boot,
            };
            recorder.record(&Event::RequestStarted(Box::new(started)));
        }
        match self.head(upstream, &mut client).await {
            Ok(response) => self.body(response, client).await,
            Err(end) => self.unanswered(end, client).await,
        }
    }

    /// Waits for the head of the provider's answer.
    async fn head(
        &self,
        upstream: reqwest::Request,
        client: &mut Client,
    ) -> Result<reqwest::Response, End> {
        let limits = &self.gateway.limits;
        let answer = tokio::time::timeout(
            limits.upstream.first_byte_timeout,
            self.gateway.client.execute(upstream),
        );
        let mut answer = std::pin::pin!(answer);
        let mut patience = Patience::default();
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return match answer {
                    Ok(Ok(response)) => Ok(response),
                    Ok(Err(error)) => Err(End::Unreachable(unreachable(&error))),
                    Err(_) => Err(End::NoAnswer(no_answer())),
                },
                () = self.gateway.shutdown.cut.cancelled() => return Err(End::Shutdown),
                () = client.left(), if !client.is_gone() => {
                    client.set_gone();
                    patience = Patience::begin(&self.gateway);
                }
                () = patience.over(), if client.is_gone() => return Err(End::ClientLeft),
            }
        }
    }

    /// Records a request that the provider never answered, and says so.
    async fn unanswered(self, end: End, mut client: Client) {
        let id = self.context.id;
        let (wire, ids) = (self.wire, self.ids());
        let error = match &end {
            End::Unreachable(error) | End::NoAnswer(error) => Some(error.respond(wire, Some(id))),
            End::Shutdown => Some(GatewayError::stopping().respond(wire, Some(id))),
            _ => None,
        };
        self.record(&Finish::without_answer(end)).await;
        if let Some(mut response) = error {
            response.headers_mut().extend(ids);
            client.respond(response);
        }
    }

    /// Passes the body on while a meter reads its copy, then records the end.
    async fn body(self, response: reqwest::Response, mut client: Client) {
        let status = response.status();
        let from = response.headers().clone();
        let content_type = text(&from, &header::CONTENT_TYPE).to_owned();
        let encoding = text(&from, &header::CONTENT_ENCODING);
        let streams = content_type.starts_with("text/event-stream");
        let meter = Meter::new(self.context.api, status.as_u16(), &content_type, encoding);
        let filter = (self.injected && streams && status.is_success() && encoding.is_empty())
            .then(UsageFilter::new);
        let length = response.content_length();

        let mut head = Response::new(()).into_parts().0;
        head.status = status;
        head.headers = headers::downstream(&from, filter.is_none());
        head.headers.extend(self.ids());
        client.head(
            head,
            length.is_some_and(|length| length <= SMALL) && !streams,
        );

        let read = self
            .pump(response, &mut client, meter, filter, length)
            .await;
        let wire = self.wire;
        let id = self.context.id;
        let mid_event = read.mid_event;
        let finish = Finish::new(&self, status, &from, read.end, read.meter, read.left_early)
            .timed(read.ttfb, read.bytes);
        let (state, cost) = self.record(&finish).await;
        let whole = matches!(finish.end(), End::Whole) || state == RequestState::Completed;
        if whole {
            for bytes in read.held {
                client.send(bytes).await;
            }
            client.finish(|headers| {
                if let Some(cost) =
                    cost.and_then(|cost| HeaderValue::try_from(cost.to_string()).ok())
                {
                    headers.insert("x-systemprompt-cost", cost);
                }
            });
            return;
        }
        // Among compressed bytes an event of our own would be noise.
        if streams && encoding.is_empty() && matches!(finish.end(), End::Silent) {
            let silent = GatewayError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "the provider fell silent in the middle of its answer",
            );
            if mid_event {
                client.send(Bytes::from_static(b"\n\n")).await;
            }
            client.send(silent.event(wire, id).into()).await;
            client.finish(|_| {});
            return;
        }
        for bytes in read.held {
            client.send(bytes).await;
        }
        client.break_off().await;
    }

    async fn pump(
        &self,
        mut response: reqwest::Response,
        client: &mut Client,
        mut meter: Meter,
        mut filter: Option<UsageFilter>,
        length: Option<u64>,
    ) -> Read {
        let idle = self.gateway.limits.upstream.idle_timeout;
        let (mut ttfb, mut bytes, mut held, mut holding) = (None, 0, Vec::new(), false);
        let mut left_early = client.is_gone();
        let mut mid_event = false;
        let mut patience = if left_early {
            Patience::begin(&self.gateway)
        } else {
            Patience::default()
        };
        let end = loop {
            let complete = meter.is_complete();
            let quiet = if complete { AFTER_TERMINAL } else { idle };
            let chunk = tokio::select! {
                biased;
                chunk = tokio::time::timeout(quiet, response.chunk()) => chunk,
                () = self.gateway.shutdown.cut.cancelled() => break End::Shutdown,
                () = client.left(), if !client.is_gone() => {
                    client.set_gone();
                    left_early |= !holding;
                    patience = Patience::begin(&self.gateway);
                    continue;
                }
                () = patience.over(), if client.is_gone() => break End::ClientLeft,
            };
            let chunk = match chunk {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break End::Whole,
                // After the terminal event nothing changes the state.
                Ok(Err(_)) | Err(_) if complete => break End::Whole,
                Ok(Err(error)) => {
                    tracing::warn!(
                        request_id = %self.context.id,
                        error = source(&error),
                        "the provider's answer broke off"
                    );
                    break End::Cut;
                }
                Err(_) => {
                    let provider = &self.context.provider;
                    tracing::warn!(
                        provider,
                        "the provider fell silent in the middle of its answer"
                    );
                    break End::Silent;
                }
            };
            ttfb.get_or_insert_with(|| self.arrived.elapsed());
            bytes += chunk.len() as u64;
            let mut hold = meter.feed(&chunk);
            let chunk = match &mut filter {
                None => chunk,
                Some(filter) => {
                    let mut out = Vec::with_capacity(chunk.len());
                    hold = filter.feed(&chunk, &mut out);
                    out.into()
                }
            };
            // With a known length the client can tell the end by counting.
            if length.is_some_and(|length| bytes >= length) {
                hold = hold.or(Some(0));
            }
            holding |= hold.is_some();
            let mut chunk = chunk;
            if let Some(at) = hold {
                held.push(chunk.split_off(at.min(chunk.len())));
            }
            if !chunk.is_empty() && !client.is_gone() {
                mid_event = !chunk.ends_with(b"\n\n") && !chunk.ends_with(b"\n\r\n");
                tokio::select! {
                    () = client.send(chunk) => {}
                    () = self.gateway.shutdown.cut.cancelled() => break End::Shutdown,
                }
                if client.is_gone() {
                    left_early |= !holding;
                    patience = Patience::begin(&self.gateway);
                }
            }
        };
        if let Some(filter) = filter {
            let mut rest = Vec::new();
            filter.finish(&mut rest);
            held.push(rest.into());
        }
        Read {
            end,
            meter,
            ttfb,
            bytes,
            held,
            left_early,
            mid_event,
        }
    }

    /// Records the end, where anything is recorded, and waits until it is on disk.
    async fn record(self, finish: &Finish) -> (RequestState, Option<systemprompt_domain::Nanos>) {
        let event = finish.event(&self);
        let (state, cost) = (event.state, event.cost);
        self.gateway.count(state);
        self.gateway.budgets.learn(&event);
        self.gateway.asked.remember(&event, finish.call_ids());
        if let (Api::Responses, Some(response), Some(conversation)) = (
            event.context.api,
            &event.response_id,
            &event.context.conversation_id,
        ) {
            self.gateway.attribution.remember(response, conversation);
        }
        let Some(recorder) = &self.gateway.recorder else {
            return (state, cost);
        };
        let recorded = recorder.record_durably(&Event::RequestFinished(Box::new(event)));
        drop(self.admission);
        if recorded.durable().await == Durability::Undurable {
            self.gateway.undurable.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                request_id = %self.context.id,
                "an answer leaves before its event is on disk"
            );
        }
        (state, cost)
    }

    /// The headers by which a client finds its request again.
    fn ids(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(2);
        let ids = [
            ("x-systemprompt-request-id", self.context.id.to_string()),
            ("x-systemprompt-trace-id", self.context.trace_id.to_string()),
        ];
        for (name, id) in ids {
            headers.insert(
                name,
                HeaderValue::try_from(id).expect("hex digits and dashes"),
            );
        }
        headers
    }
}

/// How much longer an answer is read that nobody receives: the provider bills
/// it, and its usage comes last.
#[derive(Default)]
struct Patience {
    until: Option<tokio::time::Instant>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Patience {
    fn begin(gateway: &Inner) -> Self {
        let permit = Arc::clone(&gateway.drains).try_acquire_owned().ok();
        let time = if permit.is_some() {
            gateway.limits.drain.timeout
        } else {
            Duration::ZERO
        };
        Self {
            until: Some(tokio::time::Instant::now() + time),
            _permit: permit,
        }
    }

    async fn over(&self) {
        match self.until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

/// The provider cannot be reached, or not with a body that never ends.
pub(super) fn unreachable(error: &reqwest::Error) -> GatewayError {
    if is_stall(error) {
        return incoming::stalled();
    }
    // The error's text names the address, which may carry a key in its query.
    tracing::warn!(error = %source(error), "the provider cannot be reached");
    GatewayError::new(
        StatusCode::BAD_GATEWAY,
        "upstream_unreachable",
        "the provider cannot be reached",
    )
}

/// The provider accepts the request and says nothing.
pub(super) fn no_answer() -> GatewayError {
    tracing::warn!("the provider did not answer in time");
    GatewayError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "upstream_timeout",
        "the provider did not answer in time",
    )
}

/// What is at the root of an error, without the address it happened at.
fn source(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<reqwest::Error>() {
        "request failed".to_owned()
    } else {
        cause.to_string()
    }
}
