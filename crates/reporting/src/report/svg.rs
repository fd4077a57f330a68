//! A chart as SVG, to stand within a page.

use std::fmt::Write as _;

use super::block::Chart;
use super::html::escape;
use super::markdown::highest;

const HEIGHT: f64 = 120.0;
const BAR: f64 = 22.0;
const GAP: f64 = 4.0;
/// Room for what stands below the bars.
const BELOW: f64 = 18.0;

/// Bars over the labels of every third; each tells what it stands for.
pub(super) fn render(chart: &Chart) -> String {
    let top = highest(chart).map_or(1.0, |at| chart.bars[at]);
    let width = (chart.bars.len() as f64 * (BAR + GAP)).max(BAR);
    let mut out = format!(
        "<svg viewBox=\"0 0 {width:.0} {:.0}\" role=\"img\" aria-label=\"{}\">\n",
        HEIGHT + BELOW,
        escape(&chart.title),
    );
    let bars = chart.bars.iter().zip(&chart.labels).zip(&chart.texts);
    for (at, ((bar, label), text)) in bars.enumerate() {
        let left = at as f64 * (BAR + GAP);
        // What is not nothing is seen.
        let height = match bar / top * HEIGHT {
            height if height > 0.0 => height.max(1.0),
            _ => 0.0,
        };
        writeln!(
            out,
            "<rect x=\"{left:.0}\" y=\"{:.1}\" width=\"{BAR:.0}\" height=\"{height:.1}\">\
             <title>{}: {}</title></rect>",
            HEIGHT - height,
            escape(label),
            escape(text),
        )
        .expect("a String takes all");
        if at.is_multiple_of(3) {
            writeln!(
                out,
                "<text x=\"{left:.0}\" y=\"{:.0}\">{}</text>",
                HEIGHT + BELOW - 4.0,
                escape(label),
            )
            .expect("a String takes all");
        }
    }
    out.push_str("</svg>\n");
    out
}
