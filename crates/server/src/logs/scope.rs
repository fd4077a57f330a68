//! Which request is being worked on, or which run of a job, for the lines that
//! this leads to.
//!
//! A span would say the same, but its subscribers allocate for each one; this
//! costs a request that logs nothing two swaps of a few words at each poll.

use std::future::Future;

use systemprompt_domain::event::RequestContext;
use systemprompt_domain::{RequestId, TraceId};
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static CURRENT: Ids;
}

/// The ids of a request or a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    pub(super) trace: TraceId,
    /// None of what happens without one.
    pub(super) request: Option<RequestId>,
}

impl From<TraceId> for Ids {
    fn from(trace: TraceId) -> Self {
        Self {
            trace,
            request: None,
        }
    }
}

impl From<&RequestContext> for Ids {
    fn from(context: &RequestContext) -> Self {
        Self {
            trace: context.trace_id,
            request: Some(context.id),
        }
    }
}

/// The same work; what it logs belongs to the request.
pub(crate) fn during<F: Future>(ids: impl Into<Ids>, work: F) -> TaskLocalFuture<Ids, F> {
    CURRENT.scope(ids.into(), work)
}

/// Says something that belongs to a request or a run.
pub(crate) fn of(ids: impl Into<Ids>, say: impl FnOnce()) {
    CURRENT.sync_scope(ids.into(), say);
}

/// The request that this task works on.
pub(super) fn current() -> Option<Ids> {
    CURRENT.try_with(|ids| *ids).ok()
}
