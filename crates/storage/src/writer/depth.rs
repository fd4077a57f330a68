//! How much of a batch is stored. The server stores everything; a benchmark
//! leaves out what comes last, to see what each part costs.

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
