//! What stands above columns and beside figures; the figures themselves are written
//! as everywhere (`present::cell`), amounts to their last digit.

use time::{OffsetDateTime, UtcOffset};

use crate::present::column::label;
use crate::present::figure::{self, Precision};

/// What a column is called: `input_tokens` is "Input tokens".
pub(super) fn title(key: &str) -> String {
    if key == "bucket" {
        return "Begins".to_owned();
    }
    let words = label(key);
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A moment in UTC, to the minute.
pub(super) fn minute(at: OffsetDateTime) -> String {
    figure::moment(at.to_offset(UtcOffset::UTC), Precision::Minute)
}
