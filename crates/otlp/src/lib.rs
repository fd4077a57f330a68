//! OpenTelemetry in: what exporters send over OTLP/HTTP, read as requests to models
//! and as tool calls. Pure: bytes in, events and counts out. And OpenTelemetry out:
//! what was recorded, as spans.
//!
//! Taken are spans of inference and of tools, by the current names of the GenAI
//! conventions, their older ones and those of OpenLLMetry; spans of MCP; and the
//! log events of coding agents (Claude Code, Codex, Gemini CLI). All else that an
//! exporter sends is ignored. A record that breaks the rules is rejected by
//! itself, never with its batch.
//!
//! Names keep changing: they are all in `names`, `usage`, `emitters` and `outgoing`.

mod answer;
mod attributes;
mod emitters;
mod export;
mod ids;
mod inflate;
mod json;
mod names;
mod outgoing;
mod request;
mod span;
mod tool;
mod usage;
mod wire;

use bytes::Bytes;
use systemprompt_domain::ToolCalled;
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

pub use self::answer::{failure, receipt};
pub use self::inflate::{InflateError, inflate};
pub use self::outgoing::spans;

/// Records of one export that are looked at; the others are rejected.
pub const MOST_RECORDS: usize = 10_000;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Format {
    /// The format of a `content-type`; `None` for others.
    #[must_use]
    pub fn named(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Its `content-type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics. They count what spans and log events tell of one by one, so none is
    /// taken.
    Metrics,
}

/// An export that cannot be told apart into records.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The protobuf breaks off or is none.
    #[error("the body is not an OTLP export in protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// The JSON breaks off or is none.
    #[error("the body is not an OTLP export in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What somebody else saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// What.
    pub what: What,
    /// The service that exported it, where it has a name.
    pub service: Option<String>,
}

/// What was seen. Users and agents in it are those that the emitter names; costs
/// are not known yet.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A request to a model, at its end.
    Request(Box<RequestFinished>),
    /// A tool call, at its end.
    Tool(Box<ToolCalled>),
}

/// What was in an export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What was taken, in its order.
    pub seen: Vec<Sighting>,
    /// Records that tell of other things.
    pub ignored: usize,
    /// Records that break the rules.
    pub rejected: usize,
    /// What the first of these broke.
    pub reason: Option<String>,
}

impl Batch {
    fn reject(&mut self, reason: impl Into<String>) {
        self.rejected += 1;
        self.reason.get_or_insert_with(|| reason.into());
    }
}

/// Reads an export that arrives `now`.
///
/// # Errors
/// When it cannot be told apart into records.
pub fn read(
    signal: Signal,
    format: Format,
    body: &Bytes,
    now: OffsetDateTime,
) -> Result<Batch, Malformed> {
    let mut batch = Batch::default();
    match signal {
        Signal::Traces => export::each(format, body, &mut batch, |origin, span: wire::Span| {
            span::read(origin, &span, now)
        })?,
        Signal::Logs => export::each(format, body, &mut batch, |origin, record| {
            emitters::read(origin, &record, now)
        })?,
        Signal::Metrics => batch.ignored = export::count(format, body)?,
    }
    Ok(batch)
}
