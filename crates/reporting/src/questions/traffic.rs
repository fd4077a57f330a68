//! Where visitors come from, what they use, which bots there are and what they
//! fetch.

mod ai;
mod bots;
mod devices;
mod geo;
mod pages;
mod sources;
mod transitions;

use std::array;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Limit, PeriodArgs, WebFilters};
use crate::query::Answer;
use crate::rollup::{Cube, Kept, Sessions, Visits};

pub use ai::{Ai, AiRow};
pub use bots::{Bots, BotsRow};
pub use devices::{Devices, DevicesBy, DevicesRow};
pub use geo::{Geo, GeoBy, GeoRow};
pub use pages::{Pages, PagesRow, PagesSortBy};
pub use sources::{Sources, SourcesBy, SourcesRow};
pub use transitions::{Transitions, TransitionsRow};

/// Sessions by the dimensions of a cube, those with the most first. Rows tell all
/// three, or the one whose place `by` says; `row` makes them of what they tell.
async fn sessions_by<R>(
    ctx: &Ctx,
    (period, filters, limit): (&PeriodArgs, &WebFilters, Limit),
    cube: Cube,
    by: Option<usize>,
    row: impl Fn([Option<String>; 3], &Sessions) -> R,
) -> Result<Answer<R>> {
    let source = Visits::of(ctx, period, filters)?;
    let kept: Kept = array::from_fn(|n| by.is_none_or(|by| n == by));
    let found = source.by(cube, kept, limit.fetch()).await?;
    let note = nothing(found.len());
    let rows = found.iter().map(|sessions| {
        let told = [&sessions.d1, &sessions.d2, &sessions.d3];
        let told = array::from_fn(|n| kept[n].then(|| told[n].clone()));
        row(told, sessions)
    });
    Ok(Answer::of(rows.collect())
        .cut(limit.rows())
        .over(source.frame.period())
        .with_note(note))
}

/// What is said where nothing came.
pub(super) fn nothing(rows: usize) -> Option<String> {
    (rows == 0).then(|| {
        "no such traffic in this period; pages report theirs with <script defer src=\"…/s.js\">, and \
         `systemprompt import access-log FILE` brings that of the past"
            .to_owned()
    })
}
