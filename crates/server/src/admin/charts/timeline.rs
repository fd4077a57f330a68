//! What happened step by step: as areas, lines, bars or bars on top of each other,
//! with the period before as a dashed line.

use std::fmt::Write as _;

use super::axis::{Axis, Measure, compact};
use super::{percent, px};
use crate::html::Escaped;

/// Height of the plot and of the labels below it, in pixels.
const PLOT: f64 = 176.0;
const LABELS: f64 = 24.0;
/// Room above the highest line, for its label.
const ABOVE: f64 = 10.0;
/// Width of the inner picture's own units.
const UNITS: f64 = 1_000.0;
/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One line over a filled area; others as lines.
    Area,
    /// Lines alone.
    Lines,
    /// Bars, several on top of each other.
    Bars,
}

/// A step of time.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Below the axis: `24 Nov`.
    pub(crate) tick: String,
    /// In full: `Tue 24 Nov 2026`.
    pub(crate) label: String,
}

/// Figures that belong together, one for each step; none where nothing was
/// measured.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) values: Vec<Option<f64>>,
    /// The figures as they are written elsewhere.
    pub(crate) texts: Vec<String>,
}

/// A chart over time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<'a> {
    /// Unlike any other chart's on the page.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) form: Form,
    pub(crate) measure: Measure,
    /// What stands before amounts.
    pub(crate) currency: &'a str,
    pub(crate) buckets: &'a [Bucket],
    pub(crate) series: &'a [Series],
    /// The first series in the period before.
    pub(crate) before: Option<&'a Series>,
    /// Whether the last step is not over.
    pub(crate) incomplete: bool,
    /// The most labels along the time.
    pub(crate) labels: usize,
}

impl Timeline<'_> {
    /// The chart, its legend and its description.
    pub(crate) fn draw(&self) -> String {
        let mut out = String::new();
        self.legend(&mut out);
        let axis = Axis::upto(self.highest(), self.measure);
        let (id, height) = (self.id, ABOVE + PLOT + LABELS);
        let _ = write!(
            out,
            "<div class=\"chart\"><svg class=\"y\" width=\"52\" height=\"{height}\" aria-hidden=\"true\">"
        );
        for line in &axis.lines {
            let _ = write!(
                out,
                "<text x=\"46\" y=\"{}\" text-anchor=\"end\">{}</text>",
                px(y(*line, &axis) + 4.0),
                Escaped(&compact(*line, self.measure, self.currency))
            );
        }
        let _ = write!(
            out,
            "</svg><svg class=\"plot\" role=\"img\" width=\"100%\" height=\"{height}\" \
             aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
            Escaped(self.title),
            Escaped(&self.description())
        );
        for line in &axis.lines {
            let at = px(y(*line, &axis));
            let class = if *line == 0.0 { "base" } else { "grid" };
            let _ = write!(
                out,
                "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{at}\" y2=\"{at}\"/>"
            );
        }
        match self.form {
            Form::Bars => self.bars(&mut out, &axis),
            Form::Area | Form::Lines => self.lines(&mut out, &axis),
        }
        if self.form == Form::Bars && self.before.is_some() {
            self.lines(&mut out, &axis);
        }
        self.labels(&mut out);
        self.hits(&mut out);
        out.push_str("</svg></div>");
        out
    }

    fn count(&self) -> usize {
        self.buckets.len().max(1)
    }

    /// Where a step's middle is along the time, 0 to 1.
    fn middle(&self, i: usize) -> f64 {
        (i as f64 + 0.5) / self.count() as f64
    }

    fn highest(&self) -> f64 {
        let stacked = |i: usize| -> f64 {
            let at = |series: &Series| series.values.get(i).copied().flatten();
            self.series.iter().filter_map(at).sum()
        };
        let single = self
            .series
            .iter()
            .flat_map(|series| series.values.iter().copied().flatten())
            .fold(0.0, f64::max);
        let own = match self.form {
            Form::Bars => (0..self.buckets.len()).map(stacked).fold(0.0, f64::max),
            Form::Area | Form::Lines => single,
        };
        let before = self.before.map(|before| &before.values[..]);
        let before = before.unwrap_or_default().iter().copied().flatten();
        before.fold(own, f64::max)
    }

    fn legend(&self, out: &mut String) {
        if self.series.len() < 2 && self.before.is_none() {
            return;
        }
        out.push_str("<ul class=\"legend\">");
        for (i, series) in self.series.iter().enumerate() {
            let _ = write!(
                out,
                "<li class=\"s{}\">{}</li>",
                i + 1,
                Escaped(&series.name)
            );
        }
        if let Some(before) = self.before {
            let _ = write!(out, "<li class=\"before\">{}</li>", Escaped(&before.name));
        }
        out.push_str("</ul>");
    }

    /// What somebody hears who does not see it.
    fn description(&self) -> String {
        let mut out = String::new();
        if let [first, .., last] = self.buckets {
            let _ = write!(out, "{} to {}. ", first.label, last.label);
        }
        for series in self.series {
            let known = || {
                let figures = series.values.iter().zip(&series.texts).zip(self.buckets);
                figures.filter_map(|((value, text), bucket)| Some(((*value)?, text, bucket)))
            };
            let highest = known().max_by(|a, b| a.0.total_cmp(&b.0));
            let lowest = known().min_by(|a, b| a.0.total_cmp(&b.0));
            match lowest.zip(highest).zip(known().next_back()) {
                Some(((low, high), last)) => {
                    let _ = write!(
                        out,
                        "{}: lowest {} ({}), highest {} ({}), last {}. ",
                        series.name, low.1, low.2.label, high.1, high.2.label, last.1
                    );
                }
                None => {
                    let _ = write!(out, "{}: nothing measured. ", series.name);
                }
            }
        }
        out.push_str("The table below has every figure.");
        out
    }

    fn lines(&self, out: &mut String, axis: &Axis) {
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {UNITS} {height}\" width=\"100%\" height=\"{height}\" preserveAspectRatio=\"none\">",
            height = ABOVE + PLOT,
        );
        if let Some(before) = self.before {
            let path = self.path(&before.values, axis, 0, before.values.len());
            let _ = write!(out, "<path class=\"line before\" d=\"{path}\"/>");
        }
        if self.form != Form::Bars {
            for (i, series) in self.series.iter().enumerate().rev() {
                self.line(out, axis, i, series);
            }
        }
        out.push_str("</svg>");
        // A figure without neighbours is no line.
        for (n, series) in self.series.iter().enumerate() {
            for (i, value) in series.values.iter().enumerate() {
                let near =
                    |i: Option<usize>| i.and_then(|i| series.values.get(i)).copied().flatten();
                let alone = near(i.checked_sub(1)).is_none() && near(Some(i + 1)).is_none();
                if let Some(value) = value.filter(|_| alone && self.form != Form::Bars) {
                    let _ = write!(
                        out,
                        "<circle class=\"dot s{}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>",
                        n + 1,
                        percent(self.middle(i)),
                        px(y(value, axis))
                    );
                }
            }
        }
    }

    fn line(&self, out: &mut String, axis: &Axis, n: usize, series: &Series) {
        let class = n + 1;
        let values = &series.values;
        let last = values.len().saturating_sub(1);
        let whole = values.iter().all(Option::is_some) && values.len() > 1;
        if self.form == Form::Area && n == 0 && whole {
            let path = self.path(values, axis, 0, values.len());
            let (from, to) = (self.middle(0) * UNITS, self.middle(last) * UNITS);
            let base = ABOVE + PLOT;
            let _ = write!(
                out,
                "<path class=\"area s{class}\" d=\"{path}L{} {base}L{} {base}Z\"/>",
                px(to),
                px(from)
            );
        }
        let solid = if self.incomplete { last } else { values.len() };
        let path = self.path(values, axis, 0, solid);
        let _ = write!(out, "<path class=\"line s{class}\" d=\"{path}\"/>");
        if self.incomplete && last > 0 {
            let path = self.path(values, axis, last - 1, values.len());
            let _ = write!(
                out,
                "<path class=\"line s{class} incomplete\" d=\"{path}\"/>"
            );
        }
    }

    fn path(&self, values: &[Option<f64>], axis: &Axis, from: usize, to: usize) -> String {
        let mut path = String::new();
        let mut drawn = false;
        for (i, value) in values.iter().enumerate().take(to).skip(from) {
            let Some(value) = value else {
                drawn = false;
                continue;
            };
            let stroke = if drawn { 'L' } else { 'M' };
            let _ = write!(
                path,
                "{stroke}{} {}",
                px(self.middle(i) * UNITS),
                px(y(*value, axis))
            );
            drawn = true;
        }
        path
    }

    fn bars(&self, out: &mut String, axis: &Axis) {
        let width = 1.0 / self.count() as f64;
        let gap = width * 0.15;
        for i in 0..self.buckets.len() {
            let mut below = 0.0;
            for (n, series) in self.series.iter().enumerate() {
                let value = series.values.get(i).copied().flatten().unwrap_or_default();
                if value <= 0.0 {
                    continue;
                }
                let (low, high) = (y(below, axis), y(below + value, axis));
                below += value;
                let last = self.incomplete && i + 1 == self.buckets.len();
                let _ = write!(
                    out,
                    "<rect class=\"bar s{}{}\" x=\"{}\" width=\"{}\" y=\"{}\" height=\"{}\"/>",
                    n + 1,
                    if last { " incomplete" } else { "" },
                    percent(i as f64 * width + gap),
                    percent(width - 2.0 * gap),
                    px(high),
                    // What is not nothing is seen.
                    px((low - high).max(1.0))
                );
            }
        }
    }

    fn labels(&self, out: &mut String) {
        let every = self.buckets.len().div_ceil(self.labels).max(1);
        for (i, bucket) in self.buckets.iter().enumerate().step_by(every) {
            // One that would be cut off at the edge says less than none.
            let at = self.middle(i);
            let anchor = match at {
                _ if self.buckets.len() == 1 => "middle",
                at if at < 0.06 => "start",
                at if at > 0.94 => "end",
                _ => "middle",
            };
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                percent(match anchor {
                    "start" => 0.0,
                    "end" => 1.0,
                    _ => at,
                }),
                px(ABOVE + PLOT + LABELS - 7.0),
                Escaped(&bucket.tick)
            );
        }
    }

    /// Where a pointer finds a step's figures.
    fn hits(&self, out: &mut String) {
        let width = 1.0 / self.count() as f64;
        for (i, bucket) in self.buckets.iter().enumerate() {
            let mut tip = bucket.label.clone();
            if self.incomplete && i + 1 == self.buckets.len() {
                tip.push_str(" (not over yet)");
            }
            for series in self.series.iter().chain(self.before) {
                if let Some(text) = series.texts.get(i) {
                    let _ = write!(tip, "\n{}: {text}", series.name);
                }
            }
            let _ = write!(
                out,
                "<rect class=\"hit\" x=\"{}\" width=\"{}\" y=\"0\" height=\"{}\"><title>{}</title></rect>",
                percent(i as f64 * width),
                percent(width),
                ABOVE + PLOT,
                Escaped(&tip)
            );
        }
    }
}

/// Where a value is, in pixels from the top.
fn y(value: f64, axis: &Axis) -> f64 {
    ABOVE + PLOT - (value / axis.top).clamp(0.0, 1.0) * PLOT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, values: &[Option<f64>]) -> Series {
        let text =
            |value: &Option<f64>| value.map_or("–".to_owned(), |value| format!("${value}"));
        Series {
            name: name.to_owned(),
            values: values.to_vec(),
            texts: values.iter().map(text).collect(),
        }
    }

    fn buckets(n: usize) -> Vec<Bucket> {
        let bucket = |n| Bucket {
            tick: format!("{n} Nov"),
            label: format!("day {n}"),
        };
        (1..=n).map(bucket).collect()
    }

    fn chart<'a>(form: Form, buckets: &'a [Bucket], series: &'a [Series]) -> Timeline<'a> {
        Timeline {
            id: "c",
            title: "Spend <by day>",
            form,
            measure: Measure::Money,
            currency: "$",
            buckets,
            series,
            before: None,
            incomplete: false,
            labels: 6,
        }
    }

    /// One element a line.
    fn lines(svg: &str) -> String {
        svg.replace("><", ">\n<")
    }

    #[test]
    fn an_area_with_the_period_before() {
        let own = [series("now", &[Some(1.0), Some(3.0), Some(2.0)])];
        let before = series("before", &[Some(2.0), Some(2.0), Some(4.0)]);
        let buckets = buckets(3);
        let chart = Timeline {
            before: Some(&before),
            incomplete: true,
            ..chart(Form::Area, &buckets, &own)
        };
        insta::assert_snapshot!(lines(&chart.draw()));
    }

    #[test]
    fn bars_on_top_of_each_other() {
        let two = [
            series("ok", &[Some(3.0), Some(0.0)]),
            series("failed", &[Some(1.0), None]),
        ];
        let buckets = buckets(2);
        insta::assert_snapshot!(lines(&chart(Form::Bars, &buckets, &two).draw()));
    }

    #[test]
    fn what_was_not_measured_is_a_gap_and_not_zero() {
        let gaps = [series(
            "p95",
            &[Some(1.0), None, Some(2.0), Some(2.5), None],
        )];
        let buckets = buckets(5);
        insta::assert_snapshot!(lines(&chart(Form::Lines, &buckets, &gaps).draw()));
    }

    #[test]
    fn nothing_at_all_is_still_a_chart() {
        let none = [series("now", &[])];
        let svg = chart(Form::Area, &[], &none).draw();
        assert!(svg.contains("now: nothing measured."), "{svg}");
        assert!(svg.contains("Spend &lt;by day&gt;"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
