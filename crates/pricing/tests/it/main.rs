//! What the pricing crate promises, checked against the compiled catalogue.

/// Finding a price: names, dates, layers, and what is refused.
mod catalogue;
/// The catalogue against a third-party price map.
mod compare;
/// From usage to money.
mod cost;
/// Files that operators import.
mod import;
/// What holds for every price and every usage.
mod properties;
/// Every answer recorded from the real providers has a price.
mod recordings;

use time::OffsetDateTime;
use time::macros::datetime;

/// The day the catalogue was checked.
const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

/// A file of the test data beside the project.
fn shared(path: &str) -> String {
    let path = format!("{}/../../../shared/data/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("test data {path}: {error}"))
}
