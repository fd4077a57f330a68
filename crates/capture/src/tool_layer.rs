//! A tower layer for MCP servers written in Rust: every `tools/call` that passes is
//! recorded with how it ended. Messages pass unchanged.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::sync::{Arc, Mutex};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use systemprompt_capture::ToolLayer;
//! use systemprompt_domain::tool::{ToolCalled, ToolStatus};
//! use tower_layer::Layer;
//! use tower_service::Service;
//!
//! // Your MCP server: any tower service, an axum router for example.
//! let server = tower_fn(|_request: Request<Full<Bytes>>| async {
//!     let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}"#;
//!     let answer = Response::builder().header("content-type", "application/json").body(Full::from(answer));
//!     Ok::<_, std::convert::Infallible>(answer.expect("a valid response"))
//! });
//!
//! // Where the calls go: a `Recorder` over a spool, or a function of your own.
//! let seen = Arc::new(Mutex::new(Vec::new()));
//! let sink = { let seen = Arc::clone(&seen); move |call: ToolCalled| seen.lock().expect("alone").push(call) };
//! let mut server = ToolLayer::new("search", sink).layer(server);
//!
//! let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find","arguments":{"q":"x"}}}"#;
//! let request = Request::post("/mcp").body(Full::from(call)).expect("a valid request");
//! let answer = server.call(request).await.expect("infallible");
//! answer.into_body().collect().await.expect("a whole answer");
//!
//! let seen = seen.lock().expect("alone");
//! assert_eq!((seen[0].server.as_str(), seen[0].tool.as_str()), ("search", "find"));
//! assert_eq!(seen[0].status, ToolStatus::Failed);
//! # }
//! # #[derive(Clone)]
//! # struct TowerFn<F>(F);
//! # fn tower_fn<F>(f: F) -> TowerFn<F> { TowerFn(f) }
//! # impl<F, R, Fut, T, E> tower_service::Service<R> for TowerFn<F>
//! # where F: FnMut(R) -> Fut, Fut: std::future::Future<Output = Result<T, E>> {
//! #     type Response = T; type Error = E; type Future = Fut;
//! #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), E>> { std::task::Poll::Ready(Ok(())) }
//! #     fn call(&mut self, r: R) -> Fut { (self.0)(r) }
//! # }
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use systemprompt_domain::tool::{ToolCalled, ToolStatus, Via};
use systemprompt_domain::{Event, ToolCallId};
use systemprompt_meters::rpc::{
    Answers, Call, Client, Ended, Format, RpcId, Seen, Sent, read_message,
};
use tower_layer::Layer;
use tower_service::Service;

use crate::recorder::Recorder;

/// The largest message that is taken.
const MESSAGE: usize = 4 << 20;
/// More than the record of a call takes.
const ROOM: u64 = 16 * 1024;

/// Who takes the calls.
pub trait ToolSink: Send + Sync + 'static {
    /// A call ended. This must not block: it is called while an answer leaves.
    fn called(&self, call: ToolCalled);
}

impl<F: Fn(ToolCalled) + Send + Sync + 'static> ToolSink for F {
    fn called(&self, call: ToolCalled) {
        self(call);
    }
}

/// Into the spool, from where a [`Courier`](crate::Courier) brings them on. Where that
/// has no room, a call is not recorded ([`Recorder::unrecorded`]).
impl ToolSink for Recorder {
    fn called(&self, call: ToolCalled) {
        self.observe(&Event::ToolCalled(Box::new(call)), ROOM);
    }
}

/// Records the tool calls of an MCP server over streamable HTTP.
#[derive(Clone)]
pub struct ToolLayer {
    server: Arc<str>,
    sink: Arc<dyn ToolSink>,
}

impl std::fmt::Debug for ToolLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolLayer")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl ToolLayer {
    /// Records under this name of the server. A message larger than 4 MiB is
    /// answered with 413.
    #[must_use]
    pub fn new(server: &str, sink: impl ToolSink) -> Self {
        Self {
            server: server.into(),
            sink: Arc::new(sink),
        }
    }
}

impl<S> Layer<S> for ToolLayer {
    type Service = ToolService<S>;

    fn layer(&self, inner: S) -> ToolService<S> {
        ToolService {
            inner,
            layer: self.clone(),
        }
    }
}

/// What [`ToolLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct ToolService<S> {
    inner: S,
    layer: ToolLayer,
}

type Answering<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<S, A, B> Service<Request<A>> for ToolService<S>
where
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    A: Body<Data = Bytes> + From<Bytes> + Send + 'static,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + From<Bytes>,
{
    type Response = Response<Watched<B>>;
    type Error = S::Error;
    type Future = Answering<Self::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        // The service that is ready is the one that has to be called.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            if request.method() != http::Method::POST {
                let answer = inner.call(request).await?;
                return Ok(answer.map(|body| Watched { body, watch: None }));
            }
            let begun = Instant::now();
            let (head, body) = request.into_parts();
            let body = match Limited::new(body, MESSAGE).collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => return Ok(too_large()),
            };
            let sent = read_message(&body)
                .map(|message| message.sent)
                .unwrap_or_default();
            let parent = head.headers.get("traceparent");
            let parent = parent.and_then(|value| value.to_str().ok()?.parse().ok());
            let protocol = head.headers.get("mcp-protocol-version");
            let protocol = protocol
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let calls = sent.into_iter().filter_map(|sent| match sent {
                Sent::Call(mut call) => {
                    call.trace = call.trace.or(parent);
                    let Client { protocol: said, .. } = &mut call.client;
                    *said = said.take().or_else(|| protocol.clone());
                    Some((*call, ToolCallId::new()))
                }
                _ => None,
            });
            let mut watch = Watch {
                layer,
                calls: calls.collect(),
                answers: None,
                status: StatusCode::OK,
                begun,
                ttfb: None,
                bytes: 0,
            };
            let answer = inner.call(Request::from_parts(head, A::from(body))).await?;
            watch.head(&answer);
            Ok(answer.map(|body| Watched {
                body,
                watch: Some(watch),
            }))
        })
    }
}

fn too_large<B: From<Bytes>>() -> Response<Watched<B>> {
    let text = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is too large"}}"#;
    let mut response = Response::new(Watched {
        body: B::from(Bytes::from_static(text.as_bytes())),
        watch: None,
    });
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The answer to a message, as far as it has come. What is not answered when it
/// goes was left by the client.
struct Watch {
    layer: ToolLayer,
    calls: Vec<(Call, ToolCallId)>,
    answers: Option<Answers>,
    status: StatusCode,
    begun: Instant,
    ttfb: Option<Duration>,
    bytes: u64,
}

impl Watch {
    fn head<B>(&mut self, answer: &Response<B>) {
        self.status = answer.status();
        let content_type = answer.headers().get(header::CONTENT_TYPE);
        let events =
            content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let format = match events {
            true => Format::Events,
            false => Format::Document,
        };
        self.answers = (!self.calls.is_empty()).then(|| Answers::new(format, 0));
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.ttfb.get_or_insert_with(|| self.begun.elapsed());
        self.bytes += bytes.len() as u64;
        let mut ended: Vec<(RpcId, Ended)> = Vec::new();
        if let Some(answers) = &mut self.answers {
            answers.feed(bytes, |answer| ended.push((answer.id, answer.ended)));
        }
        for (id, ended) in ended {
            if let Some(at) = self.calls.iter().position(|(call, _)| call.id == id) {
                let (call, id) = self.calls.swap_remove(at);
                let (status, kind, code) = ended.status();
                self.called(call, id, status, kind, code);
            }
        }
    }

    fn end(&mut self, status: ToolStatus, kind: &'static str) {
        for (call, id) in std::mem::take(&mut self.calls) {
            match self.status.is_success() {
                true => self.called(call, id, status, Some(kind), None),
                false => {
                    let code = Some(self.status.as_u16().to_string());
                    self.called(call, id, ToolStatus::Failed, Some("http_error"), code);
                }
            }
        }
    }

    fn called(
        &self,
        call: Call,
        id: ToolCallId,
        status: ToolStatus,
        error_type: Option<&'static str>,
        error_code: Option<String>,
    ) {
        self.layer.sink.called(call.called(Seen {
            id,
            via: Via::Layer,
            server: self.layer.server.to_string(),
            status,
            error_type,
            error_code,
            latency: self.begun.elapsed(),
            ttfb: self.ttfb,
            response_bytes: self.bytes,
        }));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(ToolStatus::Cancelled, "client_left");
    }
}

/// An answer that is looked at as it leaves.
pub struct Watched<B> {
    body: B,
    watch: Option<Watch>,
}

impl<B> std::fmt::Debug for Watched<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let (Poll::Ready(frame), Some(watch)) = (&frame, &mut this.watch) {
            match frame {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        watch.feed(bytes);
                    }
                }
                Some(Err(_)) => watch.end(ToolStatus::Failed, "answer_cut"),
                None => watch.end(ToolStatus::Failed, "no_answer"),
            }
        }
        // A body of known length is not asked for its end.
        if this.body.is_end_stream()
            && let Some(watch) = &mut this.watch
        {
            watch.end(ToolStatus::Failed, "no_answer");
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
