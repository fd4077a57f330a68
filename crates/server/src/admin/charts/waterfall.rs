//! When the parts of a whole happened: a bar each, along one time.

use super::percent;

/// When something began and how long it took, in milliseconds from the beginning
/// of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) begin: f64,
    pub(crate) length: f64,
}

/// One span of a whole that took `whole` milliseconds. What took no time is a mark.
pub(crate) fn waterfall(span: Span, whole: f64, class: &str) -> String {
    let whole = if whole > 0.0 { whole } else { 1.0 };
    let begin = (span.begin / whole).clamp(0.0, 1.0);
    let length = (span.length / whole).clamp(0.0, 1.0 - begin);
    let bar = if span.length > 0.0 {
        format!(
            "<rect class=\"{class}\" x=\"{}\" width=\"{}\" y=\"3\" height=\"12\" rx=\"3\"/>",
            percent(begin),
            percent(length.max(0.004))
        )
    } else {
        format!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"9\" r=\"3.5\"/>",
            percent(begin.clamp(0.01, 0.99))
        )
    };
    format!(
        "<svg class=\"span\" width=\"100%\" height=\"18\" aria-hidden=\"true\">\
         <line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"9\" y2=\"9\"/>{bar}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_within_the_whole() {
        let span = |begin, length| waterfall(Span { begin, length }, 100.0, "ok");
        assert!(span(25.0, 50.0).contains("x=\"25%\" width=\"50%\""));
        assert!(span(90.0, 50.0).contains("x=\"90%\" width=\"10%\""));
        assert!(span(50.0, 0.0).contains("<circle class=\"ok\" cx=\"50%\""));
        let nothing = Span {
            begin: 0.0,
            length: 0.0,
        };
        assert!(!waterfall(nothing, 0.0, "ok").contains("NaN"));
    }
}
