//! How something spreads over classes: a bar each.

use std::fmt::Write as _;

use super::{percent, px};
use crate::html::Escaped;

const PLOT: f64 = 72.0;
const LABELS: f64 = 20.0;

/// Bars for classes; a label for every so manieth. `texts` are the figures.
pub(crate) fn histogram(
    id: &str,
    title: &str,
    classes: &[String],
    values: &[f64],
    texts: &[String],
    every: usize,
) -> String {
    let top = values.iter().copied().fold(0.0, f64::max);
    let width = 1.0 / values.len().max(1) as f64;
    let highest = values
        .iter()
        .zip(classes.iter().zip(texts))
        .max_by(|a, b| a.0.total_cmp(b.0))
        .filter(|_| top > 0.0);
    let about = highest.map_or("Nothing was counted.".to_owned(), |(_, (class, text))| {
        format!("Most at {class}: {text}.")
    });
    let mut out = format!(
        "<svg class=\"histogram\" role=\"img\" width=\"100%\" height=\"{}\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\
         <line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{PLOT}\" y2=\"{PLOT}\"/>",
        PLOT + LABELS,
        Escaped(title),
        Escaped(&about)
    );
    for (i, value) in values.iter().enumerate() {
        let from = i as f64 * width;
        let height = if top > 0.0 {
            value / top * (PLOT - 4.0)
        } else {
            0.0
        };
        if *value > 0.0 {
            let height = height.max(1.0);
            let _ = write!(
                out,
                "<rect class=\"bar s1\" x=\"{}\" width=\"{}\" y=\"{}\" height=\"{}\"/>",
                percent(from + width * 0.1),
                percent(width * 0.8),
                px(PLOT - height),
                px(height)
            );
        }
        let (class, text) = (
            classes.get(i).map_or("", |class| class),
            texts.get(i).map_or("", |text| text),
        );
        let _ = write!(
            out,
            "<rect class=\"hit\" x=\"{}\" width=\"{}\" y=\"0\" height=\"{PLOT}\"><title>{}\n{}</title></rect>",
            percent(from),
            percent(width),
            Escaped(class),
            Escaped(text)
        );
        if i % every.max(1) == 0 {
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                percent(from + width / 2.0),
                px(PLOT + LABELS - 5.0),
                Escaped(class)
            );
        }
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_each_class() {
        let classes = ["00", "01", "02"].map(str::to_owned);
        let texts = ["0", "2", "8"].map(str::to_owned);
        let svg = histogram("h", "By hour", &classes, &[0.0, 2.0, 8.0], &texts, 2);
        insta::assert_snapshot!(svg.replace("><", ">\n<"));
        let none = histogram("h", "By hour", &classes, &[0.0; 3], &texts, 2);
        assert!(none.contains("Nothing was counted.") && !none.contains("NaN"));
    }
}
