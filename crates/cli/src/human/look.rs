//! How the place that is written to looks: its width, and whether it has
//! colours.

use std::io::{IsTerminal, Stdout};

/// What there is to write on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal; `None` where nothing needs to be left out, as in
    /// a pipe.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: bool,
}

impl Look {
    /// The look of the process's standard output. Colours are for terminals,
    /// and only where `NO_COLOR` is not set.
    #[must_use]
    pub fn of(stdout: &Stdout) -> Self {
        if !stdout.is_terminal() {
            return Self::default();
        }
        let size = rustix::termios::tcgetwinsize(stdout).ok();
        let width = size
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns > 0);
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width,
            colour: !plain,
        }
    }

    /// What is looked for first.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What may be overlooked.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// A drawing.
    pub(crate) fn drawn(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// What went wrong.
    pub(crate) fn alarming(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
