//! Log events of coding agents, one module each: they tell of every request and
//! every tool call in events of their own, not in spans.

mod claude_code;
mod codex;
mod gemini_cli;

use prost::Message as _;
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::text::bounded;
use systemprompt_domain::tool::{ToolStatus, Via};
use systemprompt_domain::{
    Api, RequestId, RequestState, SpanId, ToolCallId, ToolCalled, TraceId, Usage, UsageSource,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::What;
use crate::attributes::{Attributes, text};
use crate::export::{Origin, Reading, Reason};
use crate::ids::{self, Stamp};
use crate::names;
use crate::wire::LogRecord;

/// Reads a log record that arrives `now`.
pub(crate) fn read(origin: &Origin<'_>, record: &LogRecord, now: OffsetDateTime) -> Reading {
    let attributes = Attributes(&record.attributes);
    let body = record.body.as_ref().and_then(|body| body.value.as_ref());
    let names = [
        std::str::from_utf8(&record.event_name)
            .ok()
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        attributes.text(&["event.name"]),
        body.and_then(text),
    ];
    for name in names.into_iter().flatten() {
        let told = || Told::of(origin, record, now);
        return match name.as_str() {
            "claude_code.api_request" => claude_code::request(&told()?),
            "claude_code.api_error" => claude_code::error(&told()?),
            "claude_code.tool_result" => claude_code::tool(&told()?),
            "codex.sse_event" => codex::request(attributes, told),
            "codex.api_request" => codex::error(attributes, told),
            "codex.tool_result" => codex::tool(&told()?),
            "gemini_cli.api_response" => gemini_cli::request(&told()?),
            "gemini_cli.api_error" => gemini_cli::error(&told()?),
            "gemini_cli.tool_call" => gemini_cli::tool(&told()?),
            _ => continue,
        };
    }
    Ok(None)
}

/// An event of a coding agent.
struct Told<'a> {
    stamp: Stamp,
    attributes: Attributes<'a>,
    trace_id: TraceId,
    /// The span that it happened in.
    parent: Option<SpanId>,
    latency_us: Option<u64>,
    ended: OffsetDateTime,
}

/// Why a request or a call ended as it did.
enum End {
    Completed,
    Failed {
        status: Option<u64>,
        error: Option<String>,
    },
}

impl<'a> Told<'a> {
    /// The event is told when it is over: it began its duration earlier.
    fn of(origin: &Origin<'_>, record: &'a LogRecord, now: OffsetDateTime) -> Result<Self, Reason> {
        let attributes = Attributes(&record.attributes);
        let told = ids::moment(record.time_unix_nano)
            .or_else(|| ids::moment(record.observed_time_unix_nano));
        let told = told.ok_or("a log record has no time")?;
        let latency_us = attributes.number(&["duration_ms"]).map(micros);
        let took = i64::try_from(latency_us.unwrap_or(0)).unwrap_or(i64::MAX);
        let began = told.checked_sub(Duration::microseconds(took));
        let began = began.ok_or("a log record's duration makes no sense")?;
        // Records have no ids: the same is what says the same.
        let resource: Vec<u8> = origin
            .resource
            .0
            .iter()
            .flat_map(|one| one.encode_to_vec())
            .collect();
        let content = record.encode_to_vec();
        let stamp = ids::stamp(began, now, &[b"log", &resource, &content])?;
        let prompt = attributes.text(&["prompt.id"]);
        let trace = ids::trace(&record.trace_id)
            .or_else(|| prompt?.parse().ok().filter(|id: &Uuid| !id.is_nil()));
        Ok(Self {
            stamp,
            attributes,
            trace_id: TraceId(trace.unwrap_or(stamp.id)),
            parent: ids::span(&record.span_id).map(SpanId),
            latency_us,
            ended: told.min(now).max(stamp.at),
        })
    }

    fn user(&self) -> Option<String> {
        let named = self.attributes.text(&["user.email"]);
        named.or_else(|| self.attributes.text(names::USER))
    }

    fn request(
        &self,
        (agent, provider, api): (&str, &str, Api),
        usage: Option<Usage>,
        end: End,
    ) -> Reading {
        let attributes = self.attributes;
        let model = attributes.text(&["model"]);
        let model = model.ok_or("an agent's request names no model")?;
        let usage = usage.filter(Usage::is_credible);
        let context = RequestContext {
            id: RequestId(self.stamp.id),
            created_at: self.stamp.at,
            trace_id: self.trace_id,
            span_id: SpanId(self.stamp.span),
            parent_span_id: self.parent,
            user: self.user(),
            agent: Some(agent.to_owned()),
            token: None,
            session_id: attributes.text(names::SESSION),
            conversation_id: attributes.text(&["conversation.id", "session.id"]),
            conversation_derived: false,
            provider: provider.to_owned(),
            api,
            requested_model: Some(model),
            // All of them stream.
            streamed: true,
            request_bytes: 0,
            reserved: Reserved::default(),
        };
        let (state, status, error_type) = match end {
            End::Completed => (RequestState::Completed, None, None),
            End::Failed { status, error } => {
                let status = status.and_then(|status| u16::try_from(status).ok());
                let error = error.unwrap_or_else(|| "api_error".to_owned());
                let status = status.filter(|status| (100..600).contains(status));
                (RequestState::Failed, status, Some(error))
            }
        };
        Ok(Some(What::Request(Box::new(RequestFinished {
            http_status: status,
            error_type,
            provider_request_id: attributes.text(&["request_id"]),
            usage_source: match usage {
                Some(_) => UsageSource::Provider,
                None => UsageSource::None,
            },
            usage: usage.unwrap_or_default(),
            latency_us: self.latency_us,
            ..RequestFinished::unanswered(context, state, self.ended)
        }))))
    }

    fn tool(&self, agent: &str, server: Option<String>, tool: &str) -> Reading {
        let attributes = self.attributes;
        let failed = attributes.flag(&["success"]) == Some(false);
        Ok(Some(What::Tool(Box::new(ToolCalled {
            id: ToolCallId(self.stamp.id),
            created_at: self.stamp.at,
            trace_id: self.trace_id,
            // The span around it is that of many calls.
            parent_span_id: None,
            request_id: None,
            // What an agent does itself is its own server.
            server: server.unwrap_or_else(|| agent.to_owned()),
            tool: bounded(tool),
            via: Via::Otlp,
            user: self.user(),
            agent: Some(agent.to_owned()),
            token: None,
            session_id: attributes.text(names::SESSION),
            conversation_id: attributes.text(&["conversation.id", "session.id"]),
            call_id: attributes.text(&["tool_use_id", "call_id"]),
            rpc_id: None,
            client_name: Some(agent.to_owned()),
            client_version: attributes.text(&["app.version"]),
            protocol_version: None,
            status: match failed {
                true => ToolStatus::Failed,
                false => ToolStatus::Success,
            },
            error_type: failed.then(|| {
                let kind = attributes.text(&["error_type"]);
                kind.unwrap_or_else(|| "tool_error".to_owned())
            }),
            error_code: None,
            argument_hash: None,
            latency_us: self.latency_us.unwrap_or(0),
            ttfb_us: None,
            request_bytes: 0,
            response_bytes: 0,
        }))))
    }
}

/// Milliseconds in microseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is not negative"
)]
fn micros(millis: f64) -> u64 {
    (millis * 1e3) as u64
}
