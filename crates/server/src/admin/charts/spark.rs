//! The smallest charts: a line without axes, and a bar behind a row's name.

use std::fmt::Write as _;

use super::percent;

const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 32.0;

/// A line of figures, measured from zero so that a small change looks small. It
/// repeats what stands beside it, so nobody is read it.
pub(crate) fn spark(values: &[Option<f64>]) -> String {
    let known = || values.iter().copied().flatten();
    let top = known().fold(0.0, f64::max);
    let mut out = String::new();
    if values.len() < 2 || top <= 0.0 {
        return out;
    }
    let last = (values.len() - 1) as f64;
    let place = |i: usize, value: f64| {
        let x = i as f64 / last * WIDTH;
        let y = HEIGHT - 1.5 - value / top * (HEIGHT - 3.0);
        format!("{x:.1} {y:.1}")
    };
    let mut line = String::new();
    let mut drawn = false;
    for (i, value) in values.iter().enumerate() {
        match value {
            Some(value) => {
                let stroke = if drawn { 'L' } else { 'M' };
                let _ = write!(line, "{stroke}{}", place(i, *value));
                drawn = true;
            }
            None => drawn = false,
        }
    }
    let whole = values.iter().all(Option::is_some);
    let _ = write!(
        out,
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    if whole {
        let _ = write!(
            out,
            "<path class=\"area\" d=\"{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z\"/>"
        );
    }
    let _ = write!(
        out,
        "<path class=\"line\" d=\"{line}\" vector-effect=\"non-scaling-stroke\"/></svg>"
    );
    out
}

/// A bar as long as a part of the largest.
pub(crate) fn share(part: f64) -> String {
    let part = if part.is_finite() { part } else { 0.0 };
    format!(
        "<svg class=\"share\" aria-hidden=\"true\"><rect width=\"{}\" height=\"100%\" rx=\"3\"/></svg>",
        percent(part.clamp(0.0, 1.0))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_gaps() {
        insta::assert_snapshot!(spark(&[Some(0.0), Some(2.0), Some(4.0)]), @r#"<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden="true"><path class="area" d="M0.0 30.5L50.0 16.0L100.0 1.5L100 32L0 32Z"/><path class="line" d="M0.0 30.5L50.0 16.0L100.0 1.5" vector-effect="non-scaling-stroke"/></svg>"#);
        insta::assert_snapshot!(spark(&[Some(1.0), None, Some(1.0), Some(0.0)]), @r#"<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden="true"><path class="line" d="M0.0 1.5M66.7 1.5L100.0 30.5" vector-effect="non-scaling-stroke"/></svg>"#);
        assert_eq!(spark(&[Some(1.0)]), "");
        assert_eq!(spark(&[Some(0.0), None]), "");
    }

    #[test]
    fn a_share_is_no_longer_than_its_row() {
        assert!(share(0.5).contains("width=\"50%\""));
        assert!(share(7.0).contains("width=\"100%\""));
        assert!(share(f64::NAN).contains("width=\"0%\""));
    }
}
