//! A row of steps, each the stronger the more happened in it.

use std::fmt::Write as _;

use super::percent;
use super::timeline::Bucket;
use crate::html::Escaped;

const HEIGHT: u32 = 34;
/// Shades that can be told apart, besides that of nothing.
const SHADES: f64 = 5.0;

/// A cell for each step, and labels for some of them.
pub(crate) fn heat(
    id: &str,
    title: &str,
    buckets: &[Bucket],
    values: &[f64],
    texts: &[String],
) -> String {
    let top = values.iter().copied().fold(0.0, f64::max);
    let width = 1.0 / values.len().max(1) as f64;
    let steps = values.iter().zip(buckets).zip(texts);
    let most = steps.clone().max_by(|a, b| a.0.0.total_cmp(b.0.0));
    let about = most
        .filter(|_| top > 0.0)
        .map_or("Nothing was counted.".to_owned(), |((_, bucket), text)| {
            format!("Most: {text} ({}).", bucket.label)
        });
    let mut out = format!(
        "<svg class=\"heat\" role=\"img\" width=\"100%\" height=\"{}\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        HEIGHT + 20,
        Escaped(title),
        Escaped(&about)
    );
    let every = buckets.len().div_ceil(6).max(1);
    for (i, ((value, bucket), text)) in steps.enumerate() {
        let shade = match top > 0.0 && *value > 0.0 {
            true => (value / top * SHADES).ceil().clamp(1.0, SHADES),
            false => 0.0,
        };
        let from = i as f64 * width;
        let _ = write!(
            out,
            "<rect class=\"h{shade}\" x=\"{}\" width=\"{}\" y=\"0\" height=\"{HEIGHT}\" rx=\"2\"><title>{}\n{}</title></rect>",
            percent(from + width * 0.04),
            percent(width * 0.92),
            Escaped(&bucket.label),
            Escaped(text)
        );
        if i % every == 0 {
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                percent(from),
                HEIGHT + 15,
                Escaped(&bucket.tick)
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
    fn shades_follow_the_figures() {
        let buckets = ["10:00", "11:00", "12:00"].map(|at| Bucket {
            tick: at.to_owned(),
            label: format!("Tue {at}"),
        });
        let texts = ["0", "1", "10"].map(str::to_owned);
        let svg = heat("h", "Hours", &buckets, &[0.0, 1.0, 10.0], &texts);
        insta::assert_snapshot!(svg.replace("><", ">\n<"));
        assert!(heat("h", "Hours", &[], &[], &[]).contains("Nothing was counted."));
    }
}
