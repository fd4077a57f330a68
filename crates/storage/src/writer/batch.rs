//! A batch: spool records as events, and those that are none.

use std::collections::{HashMap, HashSet};

use systemprompt_capture::Position;
use systemprompt_capture::spool::Record;
use systemprompt_domain::event::{AuditEvent, RequestFinished, RequestStarted};
use systemprompt_domain::web::Visit;
use systemprompt_domain::{Event, RequestId, ToolCalled, ToolsListed};
use uuid::Uuid;

use super::rows::Columns;

/// Events that are stored in one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) started: Vec<RequestStarted>,
    pub(super) finished: Vec<RequestFinished>,
    /// Those that others saw.
    pub(super) reported: Vec<RequestFinished>,
    pub(super) audit: Vec<AuditEvent>,
    pub(super) tools: Vec<ToolCalled>,
    pub(super) listed: Vec<ToolsListed>,
    pub(super) visits: Vec<Visit>,
    /// The digests of the finished requests' rows, made here as reading ahead has
    /// a thread of its own. Of those that sampling leaves out, that of the row that
    /// there would be.
    pub(super) digests: HashMap<Uuid, [u8; 32]>,
    pub(super) dead_letters: Vec<DeadLetter>,
}

/// A record that cannot be stored as what it claims to be.
#[derive(Debug)]
pub(super) struct DeadLetter {
    pub(super) at: Position,
    pub(super) reason: String,
    pub(super) payload: Vec<u8>,
}

impl Batch {
    pub(super) fn decode<'a>(records: impl IntoIterator<Item = Record<'a>>) -> Self {
        let mut batch = Self::default();
        for record in records {
            if record.damaged {
                batch.bury(&record, "the record is damaged on disk".into());
                continue;
            }
            match serde_json::from_slice(record.payload) {
                Ok(Event::RequestStarted(event)) => batch.started.push(*event),
                Ok(Event::RequestFinished(event)) => batch.finished.push(*event),
                Ok(Event::RequestReported(event)) => batch.reported.push(*event),
                Ok(Event::Audit(event)) => batch.audit.push(*event),
                Ok(Event::ToolCalled(event)) => batch.tools.push(*event),
                Ok(Event::ToolsListed(event)) => batch.listed.push(*event),
                Ok(Event::Web(visit)) => batch.visits.push(*visit),
                Err(error) => batch.bury(&record, format!("not an event of this version: {error}")),
            }
        }
        let finished: Vec<&RequestFinished> =
            batch.finished.iter().chain(&batch.reported).collect();
        for (id, digest) in Columns::of(&finished).digests() {
            // Of an end that came twice the first is stored.
            batch.digests.entry(id).or_insert(digest);
        }
        batch
    }

    /// A batch of one record that the database refuses.
    pub(super) fn refused(record: &Record<'_>, reason: String) -> Self {
        let mut batch = Self::default();
        batch.bury(record, reason);
        batch
    }

    fn bury(&mut self, record: &Record<'_>, reason: String) {
        let payload = record.payload.to_vec();
        self.dead_letters.push(DeadLetter {
            at: record.at,
            reason,
            payload,
        });
    }

    pub(super) const fn len(&self) -> usize {
        self.started.len()
            + self.finished.len()
            + self.reported.len()
            + self.audit.len()
            + self.tools.len()
            + self.listed.len()
            + self.visits.len()
    }

    /// Starts whose end is not in the same batch: they go to `open_requests`.
    pub(super) fn still_open(&self) -> Vec<&RequestStarted> {
        let ended: HashSet<RequestId> = self.finished.iter().map(|f| f.context.id).collect();
        self.started
            .iter()
            .filter(|s| !ended.contains(&s.context.id))
            .collect()
    }

    /// Ends whose start is not in the same batch: they leave `open_requests`.
    pub(super) fn no_longer_open(&self) -> Vec<Uuid> {
        let begun: HashSet<RequestId> = self.started.iter().map(|s| s.context.id).collect();
        let ends = self.finished.iter().map(|f| f.context.id);
        ends.filter(|id| !begun.contains(id))
            .map(|id| id.0)
            .collect()
    }
}
