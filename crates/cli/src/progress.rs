//! How far long work is: one line that is drawn anew where somebody looks, and taken
//! away in the end. Elsewhere there is none.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::Outside;
use crate::human::figure;

/// Columns of the bar.
const WIDTH: u64 = 30;
/// Nobody reads faster than it is drawn anew.
const PAUSE: Duration = Duration::from_millis(50);

/// How many there are so far, and how fast they come: `1,234 rows, 567 a second`.
pub(crate) fn so_many(n: u64, what: &str, begun: Instant) -> String {
    let rate = n as f64 / begun.elapsed().as_secs_f64().max(0.001);
    let n = figure::grouped(&n.to_string());
    format!("{n} {what}, {rate:.0} a second")
}

/// The line. It goes when this is dropped.
pub(crate) struct Progress<'a> {
    /// Where it is drawn; `None`: nobody looks.
    terminal: Option<&'a mut dyn Write>,
    drawn: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Nothing is drawn yet.
    pub(crate) fn new(outside: &'a mut Outside<'_>) -> Self {
        Self::on(outside.err, outside.live)
    }

    /// The same on `err`, if that is a terminal (`live`).
    pub(crate) fn on(err: &'a mut dyn Write, live: bool) -> Self {
        Self {
            terminal: live.then_some(err),
            drawn: None,
        }
    }

    /// So much is done of what is known to be there, and what else there is to tell.
    pub(crate) fn part(&mut self, what: &str, done: u64, of: u64, more: &str) {
        self.draw(|| {
            let part = |whole: u64| (done * whole).checked_div(of).unwrap_or(whole).min(whole);
            let full = part(WIDTH);
            let bar = "█".repeat(full as usize) + &"·".repeat((WIDTH - full) as usize);
            format!("{what}  {bar}  {:>3} %  {more}", part(100))
        });
    }

    /// So far it is, where nobody knows how much there is.
    pub(crate) fn step(&mut self, what: &str, more: &str) {
        self.draw(|| format!("{what}  {more}"));
    }

    fn draw(&mut self, line: impl FnOnce() -> String) {
        let Some(terminal) = &mut self.terminal else {
            return;
        };
        if self.drawn.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.drawn = Some(Instant::now());
        // Progress that nobody can read is none to stop for.
        let _ = write!(terminal, "\r\u{1b}[K{}", line().trim_end()).and_then(|()| terminal.flush());
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(terminal) = &mut self.terminal
            && self.drawn.is_some()
        {
            let _ = write!(terminal, "\r\u{1b}[K").and_then(|()| terminal.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(live: bool, draw: impl FnOnce(&mut Progress<'_>)) -> String {
        let mut err = Vec::new();
        draw(&mut Progress::on(&mut err, live));
        String::from_utf8(err).expect("UTF-8")
    }

    #[test]
    fn a_bar_is_drawn_where_somebody_looks_and_goes() {
        let bar = |live| drawn(live, |p| p.part("verifying", 5, 20, "7 faulty"));
        let full = "█".repeat(7) + &"·".repeat(23);
        assert_eq!(
            bar(true),
            format!("\r\u{1b}[Kverifying  {full}   25 %  7 faulty\r\u{1b}[K")
        );
        assert_eq!(bar(false), "");
        let step = drawn(true, |p| p.step("importing", "12 lines"));
        assert_eq!(step, "\r\u{1b}[Kimporting  12 lines\r\u{1b}[K");
        assert_eq!(drawn(true, |_| ()), "", "nothing to take away");
    }

    #[test]
    fn a_rate_is_that_since_the_beginning() {
        let begun = Instant::now() - Duration::from_secs(10);
        let said = so_many(12_345, "rows", begun);
        let rate = said
            .strip_prefix("12,345 rows, ")
            .expect("a number of rows");
        let rate = rate.strip_suffix(" a second").expect("a rate");
        let rate: f64 = rate.parse().expect("a number");
        assert!((600.0..=1_235.0).contains(&rate), "{said}");
        assert_eq!(so_many(0, "lines", Instant::now()), "0 lines, 0 a second");
    }

    #[test]
    fn odd_shares_fit_the_bar() {
        for (done, of, said) in [(0, 0, "100 %"), (3, 2, "100 %"), (0, 9, "0 %")] {
            let line = drawn(true, |p| p.part("", done, of, ""));
            assert!(line.contains(said), "{line}");
        }
    }

    #[test]
    fn it_is_not_drawn_faster_than_it_is_read() {
        let line = drawn(true, |p| {
            for done in 0..1_000 {
                p.part("exporting", done, 1_000, "");
            }
        });
        assert!(line.matches('%').count() < 100, "{line}");
    }
}
