//! Tool calls: stored, counted and put into the audit trail, whether they come
//! through a spool or are reported; and what servers say their tools are.

mod definitions;
mod rows;

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_domain::Sampling;
use systemprompt_domain::tool::{ToolCalled, ToolStatus, ToolsListed};

use crate::audit::Entry;
use crate::writer::rollups;
use crate::writer::rows::clean;

/// What is to be told of tool calls in the audit trail, once everything else of
/// the batch is stored.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    calls: Vec<(&'a ToolCalled, Value)>,
    changes: Vec<(&'a ToolsListed, Value)>,
}

/// Stores calls that are not known yet, and counts them; keeps what servers said
/// of their tools. Each batch's audit events are appended later, with its others.
pub(crate) async fn add<'a>(
    db: &mut PgConnection,
    calls: Vec<&'a ToolCalled>,
    listed: &[&'a ToolsListed],
    sampling: Sampling,
) -> Result<Told<'a>, sqlx::Error> {
    // Sampling thins the detail; everything below counts what came. A call whose
    // time is not that in its id is known by what the sender's events left.
    let keeps = |call: &&ToolCalled| {
        sampling.keeps(call.trace_id) || call.id.created_at() != Some(call.created_at)
    };
    let (kept, thinned): (Vec<&ToolCalled>, Vec<&ToolCalled>) =
        calls.iter().copied().partition(keeps);
    let mut stored = HashSet::new();
    stored.extend(rows::insert(db, &kept).await?);
    stored.extend(rows::note(db, &thinned).await?);
    let mut calls = calls;
    // One that came twice in this batch was stored once.
    calls.retain(|call| stored.remove(&call.id.0));
    rollups::add_tools(db, &calls).await?;
    let mut changes = Vec::new();
    for listed in listed {
        changes.extend(
            definitions::note(db, listed)
                .await?
                .into_iter()
                .map(|change| (*listed, change)),
        );
    }
    let calls = calls.into_iter().map(|call| (call, detail(call))).collect();
    Ok(Told { calls, changes })
}

impl<'a> Told<'a> {
    /// The calls that were stored.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &'a ToolCalled> {
        self.calls.iter().map(|(call, _)| *call)
    }

    /// The audit events.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let calls = self.calls.iter().map(|(call, detail)| Entry {
            by: call.user.as_deref(),
            agent: call.agent.as_deref(),
            token: call.token.as_deref(),
            trace: Some(call.trace_id.0),
            subject: Some(call.id.0),
            outcome: outcome(call.status),
            state: Some(call.status.as_str()),
            ..Entry::new("mcp_tools", event(call.status), call.finished_at(), detail)
        });
        let changes = self.changes.iter().map(|(listed, detail)| Entry {
            by: listed.user.as_deref(),
            agent: listed.agent.as_deref(),
            token: listed.token.as_deref(),
            ..Entry::new("mcp_tools", "tool_definition_changed", listed.at, detail)
        });
        calls.chain(changes)
    }
}

const fn event(status: ToolStatus) -> &'static str {
    match status {
        ToolStatus::Success | ToolStatus::NeedsInput => "tool_executed",
        ToolStatus::Failed | ToolStatus::Timeout | ToolStatus::Cancelled => "tool_failed",
    }
}

/// The log's word.
const fn outcome(status: ToolStatus) -> &'static str {
    match status {
        ToolStatus::Success => "success",
        ToolStatus::NeedsInput => "pending",
        ToolStatus::Failed | ToolStatus::Timeout | ToolStatus::Cancelled => "failure",
    }
}

fn detail(call: &ToolCalled) -> Value {
    json!({ "server": clean(&call.server), "tool": clean(&call.tool) })
}
