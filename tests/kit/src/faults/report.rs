//! What a fault program found, for people and for exit codes.

use std::fmt;

/// Figures of a run, and what was checked.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    figures: Vec<(&'static str, String)>,
    checks: Vec<Check>,
}

#[derive(Clone, Debug)]
struct Check {
    what: &'static str,
    /// What is not as it should be.
    wrong: Vec<String>,
}

/// How many faults of one kind are shown.
const SHOWN: usize = 3;

impl Report {
    pub(super) fn new(title: String) -> Self {
        Self {
            title,
            figures: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// Adds a figure that is neither right nor wrong.
    pub(super) fn figure(&mut self, what: &'static str, value: impl fmt::Display) {
        self.figures.push((what, value.to_string()));
    }

    /// Adds a check, which passes if nothing is wrong.
    pub(super) fn check(
        &mut self,
        what: &'static str,
        wrong: impl IntoIterator<Item = impl fmt::Display>,
    ) {
        let wrong = wrong.into_iter().map(|one| one.to_string()).collect();
        self.checks.push(Check { what, wrong });
    }

    /// A figure by its name.
    #[must_use]
    pub fn told(&self, what: &str) -> Option<&str> {
        let found = self.figures.iter().find(|(name, _)| *name == what);
        found.map(|(_, value)| value.as_str())
    }

    /// How many checks passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.checks.len() - self.failed()
    }

    /// How many did not.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.checks
            .iter()
            .filter(|check| !check.wrong.is_empty())
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for (what, value) in &self.figures {
            writeln!(f, "  {what:<48} {value:>12}")?;
        }
        for Check { what, wrong } in &self.checks {
            let verdict = if wrong.is_empty() { "ok" } else { "FAILED" };
            writeln!(f, "  {what:<48} {verdict:>12}")?;
            for one in wrong.iter().take(SHOWN) {
                writeln!(f, "      {one}")?;
            }
            if wrong.len() > SHOWN {
                writeln!(f, "      and {} more", wrong.len() - SHOWN)?;
            }
        }
        write!(f, "{} passed, {} failed", self.passed(), self.failed())
    }
}
