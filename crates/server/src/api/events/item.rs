//! One event: each field is read on its own, so that a refusal can name the one
//! that is to blame.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use systemprompt_domain::activity::{Activity, Category, Word};
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::reported::{
    AuditEvent, AuditReport, NotReportable, Reported, Source, Stamp,
};
use systemprompt_domain::{EventId, TraceId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::body::Piece;
use super::{pages, requests, tools};
use crate::auth::Identity;

/// The longest name, in bytes: counts are kept by names.
const NAME: usize = 256;
/// The largest `metadata` or `detail`, in bytes.
const OBJECT: usize = 16 << 10;

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refused {
    /// The field that is to blame; none if it is the whole event.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    reason: String,
}

impl Refused {
    pub(super) fn whole(reason: impl Into<String>) -> Self {
        Self {
            field: None,
            reason: reason.into(),
        }
    }

    pub(super) fn of(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            reason: reason.into(),
        }
    }
}

/// What an event is to be.
#[derive(Debug)]
pub(super) enum Item {
    /// Something for the database.
    Event(Box<Reported>),
    /// An AI request, for the spool; it is not priced yet.
    Request(Box<RequestFinished>),
}

impl Item {
    /// The id by which it is known here.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Event(event) => event.source().stamp.id.0,
            Self::Request(request) => request.context.id.0,
        }
    }

    pub(super) fn event(&self) -> Option<&Reported> {
        match self {
            Self::Event(event) => Some(&**event),
            Self::Request(_) => None,
        }
    }

    pub(super) fn request(&self) -> Option<&RequestFinished> {
        match self {
            Self::Request(request) => Some(&**request),
            Self::Event(_) => None,
        }
    }
}

/// Reads an event that arrives `now` from `identity`.
pub(super) fn read(
    piece: Piece<'_>,
    identity: &Identity,
    now: OffsetDateTime,
) -> Result<Item, Refused> {
    let not_one = |error: String| Refused::whole(format!("must be a JSON object ({error})"));
    let raw = piece.map_err(not_one)?;
    let fields = serde_json::from_str(raw.get()).map_err(|error| not_one(error.to_string()))?;
    let mut fields = Fields(fields);
    let kind = fields.needed("type")?;
    if kind == "request" {
        // The provider's own field for users may say something else.
        fields.stand_for(identity.user.as_ref());
        let source = fields.source(identity, now)?;
        let request = requests::request(&mut fields, source, now)?;
        fields.end()?;
        return Ok(Item::Request(Box::new(request)));
    }
    let source = fields.source(identity, now)?;
    let event = match kind.as_str() {
        "activity" => Reported::Activity(fields.activity(source)?),
        "audit" => Reported::Audit(fields.audit(source)?),
        "tool_call" => Reported::Tool(Box::new(tools::call(&mut fields, source)?)),
        "tool_list" => Reported::Tools(tools::list(&mut fields, source)?),
        "page_request" => Reported::Page(Box::new(pages::request(&mut fields, source)?)),
        _ => {
            let known = "must be activity, audit, request, tool_call, tool_list or page_request";
            return Err(Refused::of("type", known));
        }
    };
    fields.end()?;
    Ok(Item::Event(Box::new(event)))
}

/// What has not been read yet.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl Fields<'_> {
    /// Whom a token stands for, it stands for.
    fn stand_for(&mut self, user: Option<&String>) {
        if user.is_some() {
            self.0.remove("user");
        }
    }

    fn source(&mut self, identity: &Identity, now: OffsetDateTime) -> Result<Source, Refused> {
        let id = self.parsed("id", "must be a UUID, best of version 7")?;
        let trace = self.parsed(
            "trace_id",
            "must be 32 hexadecimal digits, as in traceparent",
        )?;
        let user = self.text("user")?;
        let foreign = user.is_some() && identity.user.is_some() && user != identity.user;
        if foreign {
            return Err(Refused::of(
                "user",
                "is not the one that the token stands for",
            ));
        }
        let agent = self.text("agent")?;
        if agent
            .as_deref()
            .is_some_and(|agent| !identity.may_report_on(agent))
        {
            return Err(Refused::of("agent", "is none that the token may act for"));
        }
        Ok(Source {
            stamp: Stamp::of(id.map(EventId), now),
            user: user.or_else(|| identity.user.clone()),
            agent: agent.or_else(|| identity.agent.clone()),
            token: identity.token.clone(),
            trace_id: trace.filter(|id: &Uuid| !id.is_nil()).map(TraceId),
        })
    }

    fn activity(&mut self, source: Source) -> Result<Activity, Refused> {
        let category = self.needed("category")?;
        let category = Category::named(&category).ok_or_else(|| {
            let known = Category::ALL.map(Category::as_str).join(", ");
            Refused::of("category", format!("must be one of {known}"))
        })?;
        let action = self.word("action")?;
        Ok(Activity {
            source,
            category,
            action: action.ok_or_else(|| missing("action"))?,
            entity_type: self.word("entity_type")?,
            entity_name: self.text("entity_name")?,
            session_id: self.text("session_id")?,
            metadata: self.object("metadata", OBJECT)?,
        })
    }

    fn audit(&mut self, source: Source) -> Result<AuditReport, Refused> {
        let (category, event) = (self.needed("category")?, self.needed("event")?);
        let event = AuditEvent::named(&category, &event).map_err(|error| {
            let field = match error {
                NotReportable::Event(_) => "event",
                NotReportable::Ours(_) | NotReportable::Category => "category",
            };
            Refused::of(field, error.to_string())
        })?;
        Ok(AuditReport {
            source,
            event,
            detail: self.object("detail", OBJECT)?,
        })
    }

    /// What is left is not known; silence would lose it.
    fn end(self) -> Result<(), Refused> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Refused {
                field: Some(name.chars().take(64).collect()),
                reason: "is not a field of this event".to_owned(),
            }),
        }
    }

    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Refused> {
        let Some(raw) = self.0.remove(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get())
            .map_err(|error| Refused::of(name, format!("{expected} ({error})")))
    }

    /// A name; one that is empty is none.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        self.text_of(name, NAME)
    }

    /// The same of a text that may be as long as that, in bytes.
    pub(super) fn text_of(&mut self, name: &str, most: usize) -> Result<Option<String>, Refused> {
        let text: Option<String> = self.take(name, "must be text")?;
        match text {
            Some(text) if text.contains('\0') => Err(Refused::of(name, "must not hold NUL")),
            Some(text) if text.len() > most => Err(Refused::of(
                name,
                format!("must be at most {most} bytes long"),
            )),
            text => Ok(text.filter(|text| !text.is_empty())),
        }
    }

    pub(super) fn needed(&mut self, name: &str) -> Result<String, Refused> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    fn word(&mut self, name: &str) -> Result<Option<Word>, Refused> {
        let word = self.text(name)?.map(|text| text.parse());
        word.transpose()
            .map_err(|error: systemprompt_domain::activity::InvalidWord| {
                Refused::of(name, error.to_string())
            })
    }

    pub(super) fn parsed<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Refused> {
        let parsed = self.text(name)?.map(|text| text.parse());
        parsed.transpose().map_err(|_| Refused::of(name, expected))
    }

    /// An object, as text that PostgreSQL takes, of that many bytes at the most.
    pub(super) fn object(&mut self, name: &str, most: usize) -> Result<Option<String>, Refused> {
        let object: Option<Map<String, Value>> = self.take(name, "must be an object")?;
        let Some(object) = object.map(Value::Object) else {
            return Ok(None);
        };
        if holds_nul(&object) {
            return Err(Refused::of(name, "must not hold NUL"));
        }
        let text = object.to_string();
        if text.len() > most {
            return Err(Refused::of(
                name,
                format!("must be at most {} KiB large", most >> 10),
            ));
        }
        Ok(Some(text))
    }
}

pub(super) fn missing(name: &str) -> Refused {
    Refused::of(name, "is needed")
}

/// Whether there is a NUL in any text. Values are as deep as they could be read.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => {
            let mut members = members.iter();
            members.any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);

    fn read_text(text: &str, identity: &Identity) -> Result<Reported, Refused> {
        let piece = serde_json::from_str(text).map_err(|error| error.to_string());
        match read(piece, identity, NOW)? {
            Item::Event(event) => Ok(*event),
            Item::Request(request) => panic!("{request:?}"),
        }
    }

    fn anyone() -> Identity {
        Identity::default()
    }

    #[test]
    fn an_event_is_read_whole() {
        let sent = json!({
            "type": "activity", "id": "019ab3c1-d2e4-7abc-8def-0123456789ab", "category": "skill_usage",
            "action": "executed", "entity_type": "skill", "entity_name": "résumé", "user": "ada",
            "agent": "scout", "session_id": "s-1", "trace_id": "0123456789abcdef0123456789abcdef",
            "metadata": {"ms": 12}
        });
        let Ok(Reported::Activity(activity)) = read_text(&sent.to_string(), &anyone()) else {
            panic!("{sent}");
        };
        assert_eq!(activity.category, Category::SkillUsage);
        assert_eq!(activity.entity_name.as_deref(), Some("résumé"));
        assert_eq!(activity.metadata.as_deref(), Some("{\"ms\":12}"));
        assert_eq!(activity.source.user.as_deref(), Some("ada"));
        assert_eq!(
            activity.source.stamp.id.to_string(),
            sent["id"].as_str().unwrap_or_default()
        );
        let trace = activity.source.trace_id.map(|id| id.to_string());
        assert_eq!(trace.as_deref(), sent["trace_id"].as_str());
    }

    /// The event with one field changed, and the field that is to blame.
    #[test]
    fn refusals_name_the_field() {
        let long = format!("\"{}\"", "n".repeat(NAME + 1));
        let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        let large = format!("{{\"a\":\"{}\"}}", "n".repeat(OBJECT));
        for (field, value) in [
            ("type", "\"weather\""),
            ("type", "7"),
            ("type", "null"),
            ("category", "\"Login\""),
            ("category", "null"),
            ("action", "\"has spaces\""),
            ("action", "\"\""),
            ("action", "\"\\u0000\""),
            ("action", "\"\\ud800\""),
            ("entity_type", "\"Ünï\""),
            ("entity_name", "\"a\\u0000b\""),
            ("entity_name", "\"\\udc00\""),
            ("user", "{}"),
            ("user", long.as_str()),
            ("id", "\"42\""),
            ("trace_id", "\"xyz\""),
            ("metadata", "[]"),
            ("metadata", "{\"a\":[\"\\u0000\"]}"),
            ("metadata", "{\"\\u0000\":1}"),
            ("metadata", "{\"a\":1e999}"),
            ("metadata", deep.as_str()),
            ("metadata", large.as_str()),
            ("created_at", "\"2026-11-25T10:00:00Z\""),
        ] {
            let mut fields = BTreeMap::from([
                ("type", "\"activity\""),
                ("category", "\"login\""),
                ("action", "\"succeeded\""),
            ]);
            fields.insert(field, value);
            let fields: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
            let text = format!("{{{}}}", fields.join(","));
            match read_text(&text, &anyone()) {
                Err(refused) => assert_eq!(refused.field.as_deref(), Some(field), "{refused:?}"),
                Ok(event) => panic!("{field}: {event:?}"),
            }
        }
    }

    #[test]
    fn acts_of_this_server_are_not_reported_by_others() {
        for (category, event, field) in [
            ("authentication", "login", Some("category")),
            ("authentication", "token_issued", Some("category")),
            ("administration", "config_changed", Some("category")),
            ("weather", "rained", Some("category")),
            ("data_access", "token_issued", Some("event")),
            ("data_access", "data_exported", None),
            ("mcp_tools", "tool_failed", None),
        ] {
            let sent = json!({"type": "audit", "category": category, "event": event});
            let refused = read_text(&sent.to_string(), &anyone()).err();
            let field = field.map(str::to_owned);
            assert_eq!(
                refused.as_ref().and_then(|r| r.field.clone()),
                field,
                "{refused:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics(text in "\\PC{0,80}|[{}\\[\\]\":,a-z\\\\u0]{0,80}") {
            let _ = read_text(&text, &anyone());
        }
    }

    fn tool_call() -> Value {
        json!({
            "type": "tool_call", "id": "019ab3c1-d2e4-7abc-8def-0123456789ab", "server": "files",
            "tool": "read", "status": "failed", "via": "stdio", "error_type": "tool_error",
            "latency_us": 1500, "response_bytes": 12, "agent": "scout",
            "parent_span_id": "00f067aa0ba902b7",
        })
    }

    #[test]
    fn tool_calls_are_read() {
        let Ok(Reported::Tool(report)) = read_text(&tool_call().to_string(), &anyone()) else {
            panic!("a tool call")
        };
        let call = &report.call;
        assert_eq!(
            (call.server.as_str(), call.tool.as_str()),
            ("files", "read")
        );
        assert_eq!(call.id.0, report.source.stamp.id.0);
        assert_eq!(call.agent.as_deref(), Some("scout"));
        // Without a trace it has its own, the same at every receipt.
        assert_eq!(call.trace_id.0, call.id.0);
        let tools = json!([{"name": "read", "hash": "ab"}]);
        let list = json!({"type": "tool_list", "server": "files", "tools": tools});
        let list = read_text(&list.to_string(), &anyone());
        assert!(matches!(list, Ok(Reported::Tools(_))), "{list:?}");
    }

    #[test]
    fn a_refused_tool_call_names_the_field() {
        let long = "x".repeat(201);
        for (field, value) in [
            ("status", json!("great")),
            ("via", json!("proxy")),
            ("server", json!("")),
            ("tool", json!(long)),
            ("latency_us", json!(-1)),
            ("latency_us", json!(u64::MAX)),
            ("parent_span_id", json!("xyz")),
            ("arguments", json!({})),
        ] {
            let mut sent = tool_call();
            sent[field] = value;
            let refused = read_text(&sent.to_string(), &anyone()).expect_err(field);
            assert_eq!(refused.field.as_deref(), Some(field), "{refused:?}");
        }
        for tools in [
            json!([{"name": "a"}]),
            json!([{"name": "", "hash": "b"}]),
            json!("a"),
        ] {
            let list = json!({"type": "tool_list", "server": "files", "tools": tools});
            let refused = read_text(&list.to_string(), &anyone()).expect_err("refused");
            assert_eq!(refused.field.as_deref(), Some("tools"));
        }
    }
}
