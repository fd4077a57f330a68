//! Which part of the trail a period can be in. Events are numbered in the order
//! in which they are stored, and there is no index by time: that would cost every
//! request. The counts know the numbers of what they counted.

use systemprompt_domain::period::Interval;
use time::Duration;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{AuditFilters, names};

/// Periods up to this long are looked up by the hour.
const SHORT: Duration = Duration::days(3);

/// The lowest and the highest number that such events of a period can have. A
/// late event widens them: whoever reads still looks at the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// Where nothing was counted there is no span.
pub(crate) async fn span(
    ctx: &Ctx,
    interval: Interval,
    filters: &AuditFilters,
) -> Result<Option<Span>> {
    let (grain, width) = match interval.until - interval.since <= SHORT {
        true => ("hour", Duration::HOUR),
        false => ("day", Duration::DAY),
    };
    let found = sqlx::query_file!(
        "src/rollup/audit_span.sql",
        ctx.scope.only_agent(),
        grain,
        interval.since - width,
        interval.until,
        &names(&filters.categories),
        &filters.events,
        &filters.agents,
    )
    .fetch_one(&ctx.pool)
    .await?;
    Ok(found
        .first
        .zip(found.last)
        .map(|(first, last)| Span { first, last }))
}
