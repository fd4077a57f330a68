//! How much of a batch is stored. The server stores everything but the detail
//! that sampling leaves out; a benchmark leaves out what comes last, to see what
//! each part costs.

use systemprompt_domain::Sampling;

/// The parts of a batch, each with all before it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Rows of finished requests only. Not even the cursor moves.
    Rows,
    /// And the cursor, and requests under way.
    Cursor,
    /// And rollups of usage.
    Usage,
    /// And latency histograms.
    Latency,
    /// And errors, conversations and foreign traces.
    Links,
    /// And the audit trail and budgets.
    #[default]
    Everything,
}

/// What of a batch is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) depth: Depth,
    /// Whose detail is kept.
    pub(super) sampling: Sampling,
}
