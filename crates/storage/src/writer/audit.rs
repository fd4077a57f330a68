//! The audit events that come through the spool: those of AI operations, those
//! that stand alone, and what others make of a batch (tool calls, budgets that
//! are used up).

use std::borrow::Cow;

use serde_json::{Map, Value};
use sqlx::PgConnection;
use systemprompt_domain::RequestState;
use systemprompt_domain::event::{
    AuditEvent, Outcome, RequestContext, RequestFinished, RequestStarted,
};

use super::batch::Batch;
use super::rows::{clean, text};
use crate::audit::{self, Entry};

/// Appends the events of a batch: one for each start, each end that was not
/// stored before, whatever stands alone, and others'.
pub(super) async fn append(
    db: &mut PgConnection,
    batch: &Batch,
    finished: &[&RequestFinished],
    others: &[Entry<'_>],
) -> Result<(), sqlx::Error> {
    let starts: Vec<_> = batch.started.iter().map(|s| Who::of(&s.context)).collect();
    let ends: Vec<_> = finished.iter().map(|f| Who::of(&f.context)).collect();
    let names: Vec<_> = batch.audit.iter().map(|a| clean(&a.event)).collect();
    let alone: Vec<_> = batch.audit.iter().map(Who::alone).collect();
    let details: Vec<_> = batch.audit.iter().map(detail).collect();

    let mut entries = Vec::with_capacity(starts.len() + ends.len() + alone.len());
    entries.extend(
        batch
            .started
            .iter()
            .zip(&starts)
            .map(|(event, who)| started(event, who)),
    );
    entries.extend(finished.iter().zip(&ends).map(|(event, who)| Entry {
        digest: batch.digests.get(&event.context.id.0).copied(),
        ..ended(event, who)
    }));
    let stand_alone = batch.audit.iter().zip(&names).zip(&alone).zip(&details);
    entries.extend(stand_alone.map(|(((event, name), who), detail)| Entry {
        outcome: outcome(event.outcome),
        by: who.user.as_deref(),
        agent: who.agent.as_deref(),
        token: who.token.as_deref(),
        trace: event.trace_id.map(|trace| trace.0),
        state: Some(event.outcome.as_str()),
        ..Entry::new(event.category.as_str(), name, event.at, detail)
    }));
    entries.extend_from_slice(others);
    audit::append_batch(db, &entries).await
}

fn started<'a>(event: &'a RequestStarted, who: &'a Who<'_>) -> Entry<'a> {
    of_request(
        &event.context,
        who,
        "request_started",
        "pending",
        event.context.created_at,
    )
}

fn ended<'a>(event: &'a RequestFinished, who: &'a Who<'_>) -> Entry<'a> {
    let (name, outcome) = match event.state {
        RequestState::Completed => ("request_completed", "success"),
        RequestState::Paused => ("request_failed", "denied"),
        _ => ("request_failed", "failure"),
    };
    Entry {
        state: Some(event.state.as_str()),
        ..of_request(&event.context, who, name, outcome, event.finished_at)
    }
}

fn of_request<'a>(
    context: &RequestContext,
    who: &'a Who<'_>,
    event: &'static str,
    outcome: &'static str,
    at: time::OffsetDateTime,
) -> Entry<'a> {
    Entry {
        category: "ai_operations",
        event,
        outcome,
        by: who.user.as_deref(),
        agent: who.agent.as_deref(),
        token: who.token.as_deref(),
        trace: Some(context.trace_id.0),
        subject: Some(context.id.0),
        state: None,
        at,
        detail: None,
        digest: None,
    }
}

/// The log's word.
const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "success",
        Outcome::Failed => "failure",
        Outcome::Denied => "denied",
    }
}

/// The names in an event as they can be stored.
struct Who<'a> {
    user: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
}

impl<'a> Who<'a> {
    fn of(context: &'a RequestContext) -> Self {
        Self {
            user: text(context.user.as_deref()),
            agent: text(context.agent.as_deref()),
            token: text(context.token.as_deref()),
        }
    }

    fn alone(event: &'a AuditEvent) -> Self {
        Self {
            user: text(event.user.as_deref()),
            agent: text(event.agent.as_deref()),
            token: text(event.token.as_deref()),
        }
    }
}

fn detail(event: &AuditEvent) -> Value {
    let texts = event.detail.iter();
    let texts = texts.map(|(key, value)| (clean(key).into_owned(), clean(value).into()));
    let mut detail: Map<String, Value> = texts.collect();
    detail.insert("count".to_owned(), event.count.into());
    Value::Object(detail)
}
