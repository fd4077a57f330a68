//! The answer on its way back: the server's bytes, as they come, the last of a
//! call's answer once its record is on disk.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt as _;
use serde_json::Value;
use systemprompt_capture::{Durability, Recorded};
use systemprompt_config::McpServer;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::errors::{self, ProxyError};
use super::watch::{End, Watch};
use crate::gateway::downstream;

/// The longest list of tools of which some are taken out.
const LIST: usize = 4 << 20;

/// The head of an answer, as the client gets it, and its body.
pub(super) fn split(response: reqwest::Response) -> (Parts, reqwest::Body) {
    let (from, body) = http::Response::from(response).into_parts();
    let mut head = Response::new(()).into_parts().0;
    head.status = from.status;
    head.headers = downstream(&from.headers, true);
    (head, body)
}

/// Ends the body abnormally: the client must not take it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub(super) struct BrokenOff;

type Saving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of an answer. Dropped before its end it ends the calls that it would
/// have answered.
pub(super) struct Relay {
    upstream: Pin<Box<reqwest::Body>>,
    watch: Option<Watch>,
    /// How long the server may be silent, and until when it may be now.
    idle: Option<(Duration, Pin<Box<Sleep>>)>,
    ends_with: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Bytes that leave once records are on disk.
    held: Option<(Saving, Bytes)>,
    stage: Stage,
    _work: Option<TaskTrackerToken>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flowing,
    /// It broke off; what was passed on before should leave first.
    Breaking,
    Ended,
}

impl Relay {
    pub(super) fn new(
        upstream: reqwest::Body,
        watch: Option<Watch>,
        idle: Option<Duration>,
        ends_with: CancellationToken,
        work: Option<TaskTrackerToken>,
    ) -> Self {
        Self {
            upstream: Box::pin(upstream),
            watch,
            idle: idle.map(|idle| (idle, Box::pin(tokio::time::sleep(idle)))),
            ends_with: Box::pin(ends_with.cancelled_owned()),
            held: None,
            stage: Stage::Flowing,
            _work: work,
        }
    }

    fn end(&mut self, end: &End) {
        if let Some(watch) = &mut self.watch {
            watch.end(end);
        }
    }

    /// Ends it as it should not end.
    fn break_off(
        &mut self,
        end: &End,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.end(end);
        self.stage = Stage::Breaking;
        // hyper sends what it has when a body is not ready, and throws it away
        // when a body fails: first the one, then the other.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl HttpBody for Relay {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        match this.stage {
            Stage::Flowing => {}
            Stage::Breaking => {
                this.stage = Stage::Ended;
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            Stage::Ended => return Poll::Ready(None),
        }
        if let Some((saving, _)) = &mut this.held {
            ready!(saving.as_mut().poll(cx));
            let bytes = this.held.take().map(|(_, bytes)| bytes);
            return Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))));
        }
        let frame = match this.upstream.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                if this.ends_with.as_mut().poll(cx).is_ready() {
                    return this.break_off(&End::Stopped, cx);
                }
                if let Some((_, silence)) = &mut this.idle
                    && silence.as_mut().poll(cx).is_ready()
                {
                    tracing::warn!("an MCP server fell silent in the middle of its answer");
                    return this.break_off(&End::Timeout, cx);
                }
                return Poll::Pending;
            }
        };
        if let Some((idle, silence)) = &mut this.idle {
            silence.as_mut().reset(Instant::now() + *idle);
        }
        match frame {
            None => {
                this.end(&End::Eof);
                this.stage = Stage::Ended;
                Poll::Ready(None)
            }
            Some(Err(_)) => this.break_off(&End::Cut, cx),
            Some(Ok(frame)) => {
                let (Some(watch), Some(bytes)) = (&mut this.watch, frame.data_ref()) else {
                    return Poll::Ready(Some(Ok(frame)));
                };
                let recorded = watch.feed(bytes);
                if recorded.is_empty() {
                    return Poll::Ready(Some(Ok(frame)));
                }
                let bytes = frame.into_data().unwrap_or_default();
                let mut saving: Saving = Box::pin(saved(recorded));
                if saving.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                this.held = Some((saving, bytes));
                Poll::Pending
            }
        }
    }
}

/// Resolves when records are on disk, or patience with the disk runs out.
async fn saved(recorded: Vec<Recorded>) {
    for recorded in recorded {
        if recorded.durable().await == Durability::Undurable {
            tracing::error!("a tool's answer leaves before its event is on disk");
        }
    }
}

/// The answer to `tools/list` without the tools that may not be called. It alone
/// is not the server's own bytes.
pub(super) async fn selected(
    server: &McpServer,
    mut head: Parts,
    mut body: reqwest::Body,
    mut watch: Watch,
    idle: Duration,
) -> Result<Response, ProxyError> {
    let broken = |text: &str| ProxyError::new(StatusCode::BAD_GATEWAY, errors::UNREACHABLE, text);
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(idle, body.frame());
        let frame = frame
            .await
            .map_err(|_| broken("the MCP server fell silent in the middle of its list"))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| broken("the MCP server's list broke off"))?;
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > LIST {
                return Err(broken("the MCP server's list of tools is too long"));
            }
            watch.feed(&data);
            whole.extend_from_slice(&data);
        }
    }
    let events = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    let filtered = match events {
        false => without(server, &whole),
        true => without_in_events(server, &whole),
    };
    let bytes = filtered.map_or_else(|| whole.freeze(), Bytes::from);
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(Response::from_parts(head, Body::from(bytes)))
}

/// A message without such tools; `None` if it lists none.
fn without(server: &McpServer, json: &[u8]) -> Option<Vec<u8>> {
    let mut message: Value = serde_json::from_slice(json).ok()?;
    let tools = message
        .get_mut("result")?
        .get_mut("tools")?
        .as_array_mut()?;
    tools.retain(|tool| {
        let name = tool.get("name").and_then(Value::as_str);
        name.is_some_and(|name| server.admits(name))
    });
    Some(message.to_string().into_bytes())
}

/// The same for events whose data is on one line, as every server writes them.
fn without_in_events(server: &McpServer, events: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(events.len());
    let mut found = false;
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
        match data.and_then(|data| without(server, data)) {
            Some(filtered) => {
                found = true;
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&filtered);
                out.push(b'\n');
            }
            None => out.extend_from_slice(line),
        }
    }
    found.then_some(out)
}
