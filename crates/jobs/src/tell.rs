//! Where a run says what it does: a server's log, or the terminal of whoever asked
//! for it.

use serde_json::Value;
use systemprompt_domain::TraceId;

use crate::job::{BoxFuture, Done};

/// Something that a run says.
#[derive(Clone, Debug, PartialEq)]
pub struct Said<'a> {
    /// The job.
    pub job: &'static str,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// What it says.
    pub message: &'a str,
    /// What it says by name; an object.
    pub fields: Value,
}

/// Who hears a run.
pub trait Surroundings: Send + Sync {
    /// Takes what is said under a trace.
    fn tell(&self, trace: TraceId, said: &Said<'_>);

    /// Runs the work so that whatever it logs belongs to the trace.
    fn within<'a>(
        &self,
        trace: TraceId,
        work: std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send + 'a>>,
    ) -> std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send + 'a>> {
        let _ = trace;
        let work: BoxFuture<'a, anyhow::Result<Done>> = work;
        work
    }
}
