//! Charts as inline SVG, made here: nothing to load, they follow the theme, read
//! without JavaScript, and a test can look at them.
//!
//! A plot has no view box: what lies along the time is placed in percent, what
//! lies along the value in pixels. So it fills any width and its text stays legible.

mod axis;
mod heat;
mod histogram;
mod spark;
mod timeline;
mod waterfall;

pub(super) use self::axis::Measure;
pub(super) use self::heat::heat;
pub(super) use self::histogram::histogram;
pub(super) use self::spark::{share, spark};
pub(super) use self::timeline::{Bucket, Form, Series, Timeline};
pub(super) use self::waterfall::{Span, waterfall};

/// Hundredths of a percent, without needless digits: `12.5%`.
fn percent(part: f64) -> String {
    let text = format!("{:.2}", part * 100.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

/// A length in pixels, to a tenth.
fn px(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
