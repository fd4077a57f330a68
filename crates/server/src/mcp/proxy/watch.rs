//! Watches the answer to a message: which calls it ends, and how. A call that is
//! still under way when nobody watches any more was left by its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{StatusCode, header};
use systemprompt_capture::{Admission, Recorded};
use systemprompt_domain::tool::{ToolCalled, ToolStatus, ToolsListed, Via};
use systemprompt_domain::trace::TraceParent;
use systemprompt_domain::{Event, ToolCallId};
use systemprompt_meters::rpc::{Answers, Call, Ended, Format, RpcId, Seen, read_listing};
use time::OffsetDateTime;

use super::Inner;
use super::sessions::Whose;
use crate::asked::Asker;

/// The longest list of tools that is read.
const LIST: usize = 4 << 20;
/// More than the definitions of a list take in the spool: tools and their names are
/// bounded.
const LIST_ROOM: u64 = 128 * 1024;

/// Whose message it is.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) server: String,
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) token: Option<String>,
    pub(super) session: Option<String>,
    pub(super) mcp_session: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) trace: Option<TraceParent>,
}

impl About {
    /// A request of this client.
    pub(super) fn whose(&self, id: RpcId) -> Whose {
        let (token, session) = (self.token.clone(), self.mcp_session.clone());
        (self.server.clone(), token, session, id)
    }
}

/// How calls end that are not answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The answer ended without one.
    Eof,
    /// The connection broke.
    Cut,
    /// The server took too long.
    Timeout,
    /// The client left.
    Left,
    /// We stop.
    Stopped,
    /// The server was not reached.
    Unreachable,
    /// The server answered with an error of HTTP.
    Http(StatusCode),
    /// The tool may not be called.
    Denied,
}

impl End {
    fn status(self) -> (ToolStatus, &'static str, Option<String>) {
        match self {
            Self::Eof => (ToolStatus::Failed, "upstream_eof", None),
            Self::Cut => (ToolStatus::Failed, "upstream_cut", None),
            Self::Timeout => (ToolStatus::Timeout, "upstream_timeout", None),
            Self::Left => (ToolStatus::Cancelled, "client_left", None),
            Self::Stopped => (ToolStatus::Failed, "server_stopped", None),
            Self::Unreachable => (ToolStatus::Failed, "upstream_unreachable", None),
            Self::Http(status) => {
                let code = Some(status.as_u16().to_string());
                (ToolStatus::Failed, "http_error", code)
            }
            Self::Denied => (ToolStatus::Failed, "tool_denied", None),
        }
    }
}

/// A call without an answer.
#[derive(Debug)]
struct Pending {
    call: Call,
    id: ToolCallId,
    asker: Option<Arc<Asker>>,
    whose: Whose,
    cancelled: Arc<AtomicBool>,
}

/// The answer to a message, as far as it has come.
#[derive(Debug)]
pub(super) struct Watch {
    proxy: Arc<Inner>,
    about: About,
    calls: Vec<Pending>,
    lists: Vec<RpcId>,
    answers: Option<Answers>,
    status: StatusCode,
    begun: Instant,
    ttfb: Option<Duration>,
    bytes: u64,
    /// How long the answer is, where its head says so.
    length: Option<u64>,
    /// Room for the records; held until the last one is written.
    _admission: Option<Admission>,
}

impl Watch {
    pub(super) fn begin(
        proxy: &Arc<Inner>,
        about: About,
        calls: Vec<Call>,
        lists: Vec<RpcId>,
        begun: Instant,
        admission: Option<Admission>,
    ) -> Self {
        let session = about.mcp_session.as_deref();
        let client = session.and_then(|session| proxy.sessions.client(session));
        let pending = calls.into_iter().map(|mut call| {
            call.trace = call.trace.or(about.trace);
            if let Some(client) = &client {
                let of = &mut call.client;
                of.name = of.name.take().or_else(|| client.name.clone());
                of.version = of.version.take().or_else(|| client.version.clone());
            }
            let protocol = call.client.protocol.take();
            call.client.protocol = protocol.or_else(|| about.protocol.clone());
            let whose = about.whose(call.id.clone());
            Pending {
                id: ToolCallId::new(),
                asker: proxy.asked.find(
                    (about.token.as_deref(), about.agent.as_deref()),
                    call.trace.map(|trace| trace.trace_id),
                    call.call_id.as_deref(),
                    &call.tool,
                ),
                cancelled: proxy.underway.begin(whose.clone()),
                whose,
                call,
            }
        });
        let calls = pending.collect();
        Self {
            proxy: Arc::clone(proxy),
            about,
            calls,
            lists,
            answers: None,
            status: StatusCode::OK,
            begun,
            ttfb: None,
            bytes: 0,
            length: None,
            _admission: admission,
        }
    }

    /// The MCP server.
    pub(super) fn server(&self) -> &str {
        &self.about.server
    }

    /// Whether the tools are asked for.
    pub(super) const fn is_of_a_list(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The head of the answer came.
    pub(super) fn head(&mut self, response: &reqwest::Response) {
        self.status = response.status();
        self.length = response.content_length();
        self.end_if_whole();
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        let encoding = text(header::CONTENT_ENCODING).unwrap_or("identity");
        let looked_at = !self.calls.is_empty() || !self.lists.is_empty();
        if !looked_at || encoding != "identity" {
            return;
        }
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        let format = match content_type.starts_with("text/event-stream") {
            true => Format::Events,
            false => Format::Document,
        };
        let keep = if self.lists.is_empty() { 0 } else { LIST };
        self.answers = Some(Answers::new(format, keep));
    }

    /// Bytes of the answer came. What is returned should be on disk before they
    /// leave.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Recorded> {
        self.ttfb.get_or_insert_with(|| self.begun.elapsed());
        self.bytes += bytes.len() as u64;
        let recorded = self.read(bytes);
        self.end_if_whole();
        recorded
    }

    /// Nobody asks for the end of an answer whose length is known.
    fn end_if_whole(&mut self) {
        if self.length.is_some_and(|length| self.bytes >= length) {
            self.end(&End::Eof);
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Vec<Recorded> {
        let Some(answers) = &mut self.answers else {
            return Vec::new();
        };
        let mut ended: Vec<(RpcId, Ended)> = Vec::new();
        let mut listed = Vec::new();
        let lists = &self.lists;
        answers.feed(bytes, |answer| {
            if lists.contains(&answer.id) {
                listed.extend(answer.text.and_then(read_listing));
            }
            ended.push((answer.id, answer.ended));
        });
        for listing in listed {
            self.list(listing.tools);
        }
        let mut recorded = Vec::new();
        for (id, ended) in ended {
            if let Some(at) = self.calls.iter().position(|pending| pending.call.id == id) {
                let pending = self.calls.swap_remove(at);
                let (status, kind, code) = ended.status();
                let event = self.event(pending, status, kind, code);
                if let Some(recorder) = &self.proxy.recorder {
                    recorded.push(recorder.record_durably(&event));
                }
            }
        }
        recorded
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, end: &End) {
        let end = match end {
            // What the server said is more than that it stopped saying it.
            End::Eof if !self.status.is_success() => End::Http(self.status),
            other => *other,
        };
        for pending in std::mem::take(&mut self.calls) {
            let (status, kind, code) = end.status();
            let event = self.event(pending, status, Some(kind), code);
            if let Some(recorder) = &self.proxy.recorder {
                recorder.record(&event);
            }
        }
    }

    fn event(
        &self,
        pending: Pending,
        status: ToolStatus,
        error_type: Option<&'static str>,
        error_code: Option<String>,
    ) -> Event {
        let Pending {
            call,
            id,
            asker,
            whose,
            cancelled,
        } = pending;
        self.proxy.underway.end(&whose, &cancelled);
        let (status, error_type, error_code) = match cancelled.load(Ordering::Relaxed) {
            true => (ToolStatus::Cancelled, Some("cancelled"), None),
            false => (status, error_type, error_code),
        };
        let About {
            server,
            user,
            agent,
            token,
            session,
            mcp_session,
            conversation,
            ..
        } = self.about.clone();
        let traced = call.trace.is_some();
        let asked_for = |asker: &Arc<Asker>| {
            let by_id = call.call_id.is_some() && !traced;
            by_id || asker.asked_for(&call.tool)
        };
        let request_id = asker.as_ref().filter(|asker| asked_for(asker));
        let request_id = request_id.map(|asker| asker.request);
        let known = asker.as_deref();
        let event = call.called(Seen {
            id,
            via: Via::Proxy,
            server,
            status,
            error_type,
            error_code,
            latency: self.begun.elapsed(),
            ttfb: self.ttfb,
            response_bytes: self.bytes,
        });
        let trace_id = match known {
            Some(asker) if !traced => asker.trace,
            _ => event.trace_id,
        };
        Event::ToolCalled(Box::new(ToolCalled {
            trace_id,
            request_id,
            user,
            agent,
            token,
            session_id: session
                .or_else(|| known.and_then(|asker| asker.session.clone()))
                .or(mcp_session),
            conversation_id: conversation
                .or_else(|| known.and_then(|asker| asker.conversation.clone())),
            ..event
        }))
    }

    /// The server said what its tools are.
    fn list(&self, tools: Vec<systemprompt_domain::tool::ToolDefinition>) {
        let Some(recorder) = &self.proxy.recorder else {
            return;
        };
        // Without room for it the next list is told.
        let Some(_room) = recorder.admit(LIST_ROOM) else {
            return;
        };
        let server = &self.about.server;
        let tools = self.proxy.definitions.news(server, tools, Instant::now());
        if tools.is_empty() {
            return;
        }
        recorder.record(&Event::ToolsListed(Box::new(ToolsListed {
            at: OffsetDateTime::now_utc(),
            server: server.clone(),
            tools,
            user: self.about.user.clone(),
            agent: self.about.agent.clone(),
            token: self.about.token.clone(),
        })));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(&End::Left);
    }
}
