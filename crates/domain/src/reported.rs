//! What other services report: their users' activity, and audit events of what
//! happened in their house.

use time::{Duration, OffsetDateTime};

use crate::activity::Activity;
use crate::ids::{EventId, ToolCallId};
use crate::tool::{ToolCalled, ToolsListed};
use crate::trace::TraceId;
use crate::web::{Visit, WebEvent};

/// How far back the time in a sender's id is believed: senders that could not
/// reach us report late.
pub const LATE: Duration = Duration::DAY.saturating_mul(7);

/// How far ahead the time in a sender's id is believed: clocks differ.
pub const EARLY: Duration = Duration::minutes(5);

/// One thing that another service says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Something that was done, to be counted.
    Activity(Activity),
    /// Something for the audit trail.
    Audit(AuditReport),
    /// A tool call.
    Tool(Box<ToolReport>),
    /// What an MCP server said its tools are.
    Tools(ToolsReport),
    /// A request to a web site.
    Page(Box<PageReport>),
}

impl Reported {
    /// Who says so of whom, and when it was.
    #[must_use]
    pub const fn source(&self) -> &Source {
        match self {
            Self::Activity(activity) => &activity.source,
            Self::Audit(report) => &report.source,
            Self::Tool(report) => &report.source,
            Self::Tools(report) => &report.source,
            Self::Page(report) => &report.source,
        }
    }
}

/// A tool call that another process saw. What both say of whose it is and when it
/// was, the source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolReport {
    /// Whose call it was, when.
    pub source: Source,
    /// How it went.
    pub call: ToolCalled,
}

impl ToolReport {
    /// The report of a call, whose id and time are those of the source, as are
    /// user, agent and token. Without a trace it has one of its own, the same
    /// however often it is reported.
    #[must_use]
    pub fn new(source: Source, mut call: ToolCalled) -> Self {
        call.id = ToolCallId(source.stamp.id.0);
        call.created_at = source.stamp.at;
        call.trace_id = source.trace_id.unwrap_or(TraceId(source.stamp.id.0));
        call.user.clone_from(&source.user);
        call.agent.clone_from(&source.agent);
        call.token.clone_from(&source.token);
        Self { source, call }
    }
}

/// What an MCP server said its tools are, to another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolsReport {
    /// Who was told, when.
    pub source: Source,
    /// What.
    pub listed: ToolsListed,
}

impl ToolsReport {
    /// The report of a list. The source says when it was, and to whom.
    #[must_use]
    pub fn new(source: Source, mut listed: ToolsListed) -> Self {
        listed.at = source.stamp.at;
        listed.user.clone_from(&source.user);
        listed.agent.clone_from(&source.agent);
        listed.token.clone_from(&source.token);
        Self { source, listed }
    }
}

/// A request to a web site that another server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReport {
    /// When it was, and who says so.
    pub source: Source,
    /// Who asked for what.
    pub visit: Visit,
}

impl PageReport {
    /// The report of a request. The source says when it was, and by which id a
    /// repeat is known.
    #[must_use]
    pub fn new(source: Source, mut visit: Visit) -> Self {
        visit.at = source.stamp.at;
        for event in &mut visit.events {
            if let WebEvent::Hit(hit) = event {
                hit.id = source.stamp.id.0;
            }
        }
        Self { source, visit }
    }
}

/// Who did what is reported, when, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its id and time.
    pub stamp: Stamp,
    /// The user.
    pub user: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The name of the token that reported it.
    pub token: Option<String>,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
}

/// An event's id and the time it counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The sender's id, by which a repeat is known, or one made here.
    pub id: EventId,
    /// The time in the id where that is believed, else that of the receipt.
    pub at: OffsetDateTime,
}

impl Stamp {
    /// The stamp of an event that arrives `now`.
    #[must_use]
    pub fn of(id: Option<EventId>, now: OffsetDateTime) -> Self {
        let id = id.unwrap_or_default();
        let believed = id.created_at().filter(|at| believable(*at, now));
        Self {
            id,
            at: believed.unwrap_or(now),
        }
    }

    /// Whether its time is the one in its id. Then both are the same at every
    /// receipt, and a repeat finds the row of its own accord.
    #[must_use]
    pub fn is_in_id(&self) -> bool {
        self.id.created_at() == Some(self.at)
    }
}

fn believable(at: OffsetDateTime, now: OffsetDateTime) -> bool {
    let ahead = at - now;
    -LATE <= ahead && ahead <= EARLY
}

/// What another service reports for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Who did it, when.
    pub source: Source,
    /// What it was.
    pub event: AuditEvent,
    /// More about it, as the text of a JSON object.
    pub detail: Option<String>,
}

/// Audit events that other services may report: what happens in their house.
/// Events of who may do what with ours are known to us alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// A file was read.
    FileAccessed,
    /// Content was made.
    ContentCreated,
    /// Content was deleted.
    ContentDeleted,
    /// Data left the house.
    DataExported,
    /// A tool ran.
    ToolExecuted,
    /// A tool failed.
    ToolFailed,
    /// The description of a tool is not what it was.
    ToolDefinitionChanged,
}

/// Why an audit event is not taken from other services.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReportable {
    /// It tells of acts of this server.
    #[error(
        "{0} events are recorded by this server alone, when it acts; other services report data_access and mcp_tools"
    )]
    Ours(&'static str),
    /// There is no such category.
    #[error("must be data_access or mcp_tools")]
    Category,
    /// There is no such event in the category.
    #[error("must be one of {0}")]
    Event(String),
}

/// Categories that tell of our own acts.
const OURS: [&str; 4] = [
    "authentication",
    "authorization",
    "ai_operations",
    "administration",
];

impl AuditEvent {
    /// Every event, in the order answers name them.
    pub const ALL: [Self; 7] = [
        Self::FileAccessed,
        Self::ContentCreated,
        Self::ContentDeleted,
        Self::DataExported,
        Self::ToolExecuted,
        Self::ToolFailed,
        Self::ToolDefinitionChanged,
    ];

    /// The name used in events, answers and the `event` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FileAccessed => "file_accessed",
            Self::ContentCreated => "content_created",
            Self::ContentDeleted => "content_deleted",
            Self::DataExported => "data_exported",
            Self::ToolExecuted => "tool_executed",
            Self::ToolFailed => "tool_failed",
            Self::ToolDefinitionChanged => "tool_definition_changed",
        }
    }

    /// The category it belongs to.
    #[must_use]
    pub const fn category(self) -> &'static str {
        match self {
            Self::FileAccessed
            | Self::ContentCreated
            | Self::ContentDeleted
            | Self::DataExported => "data_access",
            Self::ToolExecuted | Self::ToolFailed | Self::ToolDefinitionChanged => "mcp_tools",
        }
    }

    /// How it ended, in the audit log's words.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::ToolFailed => "failure",
            _ => "success",
        }
    }

    /// The event of that category and name.
    ///
    /// # Errors
    /// When others may not report it, or it does not exist.
    pub fn named(category: &str, name: &str) -> Result<Self, NotReportable> {
        if let Some(ours) = OURS.into_iter().find(|ours| *ours == category) {
            return Err(NotReportable::Ours(ours));
        }
        let of_category = || Self::ALL.into_iter().filter(|e| e.category() == category);
        if of_category().next().is_none() {
            return Err(NotReportable::Category);
        }
        let found = of_category().find(|event| event.as_str() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = of_category().map(Self::as_str).collect();
            NotReportable::Event(known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::{NoContext, Timestamp, Uuid};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);

    fn id(at: OffsetDateTime) -> EventId {
        let unix = u64::try_from(at.unix_timestamp()).expect("after 1970");
        let at = Timestamp::from_unix(NoContext, unix, at.nanosecond());
        EventId(Uuid::new_v7(at))
    }

    #[test]
    fn the_time_in_an_id_is_believed_within_reason() {
        let second = Duration::SECOND;
        for at in [NOW, NOW - LATE, NOW + EARLY] {
            let stamp = Stamp::of(Some(id(at)), NOW);
            assert_eq!((stamp.at, stamp.is_in_id()), (at, true), "{at}");
        }
        for at in [
            NOW - LATE - second,
            NOW + EARLY + second,
            OffsetDateTime::UNIX_EPOCH,
        ] {
            let stamp = Stamp::of(Some(id(at)), NOW);
            assert_eq!((stamp.at, stamp.is_in_id()), (NOW, false), "{at}");
        }
        for timeless in [Uuid::nil(), Uuid::max(), Uuid::from_u128(42)] {
            let stamp = Stamp::of(Some(EventId(timeless)), NOW);
            assert_eq!((stamp.id.0, stamp.at), (timeless, NOW));
            assert!(!stamp.is_in_id());
        }
    }

    #[test]
    fn only_what_happens_elsewhere_is_reported() {
        for event in AuditEvent::ALL {
            let named = AuditEvent::named(event.category(), event.as_str());
            assert_eq!(named, Ok(event));
        }
        for (category, event) in [
            ("authentication", "login"),
            ("authentication", "token_issued"),
            ("ai_operations", "request_started"),
            ("administration", "file_accessed"),
        ] {
            let refused = AuditEvent::named(category, event);
            assert_eq!(refused, Err(NotReportable::Ours(category)), "{event}");
        }
        assert_eq!(
            AuditEvent::named("weather", "rained"),
            Err(NotReportable::Category)
        );
        assert!(matches!(
            AuditEvent::named("mcp_tools", "file_accessed"),
            Err(NotReportable::Event(known)) if known.starts_with("tool_executed, ")
        ));
    }
}
