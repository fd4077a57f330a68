//! What an answer lacks because it is no longer kept: requests themselves go after
//! some time, while they stay counted.

use time::{Duration, OffsetDateTime};

use crate::ctx::Ctx;
use crate::error::Result;

/// Nothing younger is ever removed.
const ALWAYS_KEPT: Duration = Duration::DAY;

/// From when on detail is complete, if that is after `since`.
pub(crate) async fn lacking(ctx: &Ctx, since: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    if since > ctx.clock.now() - ALWAYS_KEPT {
        return Ok(None);
    }
    let from = systemprompt_storage::retention::detail_kept_from(&ctx.pool).await?;
    Ok(from.filter(|from| since < *from))
}

/// What to know of requests that are listed from `since` on.
pub(crate) async fn requests(ctx: &Ctx, since: OffsetDateTime) -> Result<Option<String>> {
    let from = lacking(ctx, since).await?;
    Ok(from.map(|from| {
        let day = from.date();
        format!("requests from before {day} are counted but no longer kept one by one")
    }))
}

/// What to know of conversations that began at `since` or later.
pub(crate) async fn conversations(ctx: &Ctx, since: OffsetDateTime) -> Result<Option<String>> {
    let from = lacking(ctx, since).await?;
    Ok(from.map(|from| {
        let day = from.date();
        format!("conversations that ended before {day} are no longer kept")
    }))
}

/// What to know of sessions that began at `since` or later.
pub(crate) async fn sessions(ctx: &Ctx, since: OffsetDateTime) -> Result<Option<String>> {
    let from = lacking(ctx, since).await?;
    Ok(from.map(|from| {
        let day = from.date();
        format!("sessions from before {day} are counted but no longer kept one by one, save imported ones")
    }))
}

/// A sentence on an id that was not found, with why there may have been something:
/// it is told by its id, but not whose it was, and an agent is told of no other's.
pub(crate) async fn missing(
    ctx: &Ctx,
    not_found: String,
    began: Option<OffsetDateTime>,
) -> Result<String> {
    let from = match began {
        Some(began) => lacking(ctx, began).await?,
        None => None,
    };
    let sampling = ctx.settings.sampling;
    Ok(if let Some(from) = from {
        let day = from.date();
        format!("{not_found}; requests from before {day} are counted but no longer kept one by one")
    } else if sampling.rate().is_some() {
        format!("{not_found}; detail is sampled at {sampling}, the rest is only counted")
    } else {
        not_found
    })
}
