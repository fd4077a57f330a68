//! Where visitors come from, what they use, which bots there are and what they
//! fetch.

mod ai;
mod bots;
mod devices;
mod geo;
mod pages;
mod sources;
mod transitions;

pub use ai::{Ai, AiRow};
pub use bots::{Bots, BotsRow};
pub use devices::{Devices, DevicesBy, DevicesRow};
pub use geo::{Geo, GeoBy, GeoRow};
pub use pages::{Pages, PagesRow, PagesSortBy};
pub use sources::{Sources, SourcesBy, SourcesRow};
pub use transitions::{Transitions, TransitionsRow};

/// What is said where nothing came.
pub(super) fn nothing(rows: usize) -> Option<String> {
    (rows == 0).then(|| {
        "no such traffic in this period; pages report theirs with <script defer src=\"…/s.js\">, and \
         `systemprompt import access-log FILE` brings that of the past"
            .to_owned()
    })
}
