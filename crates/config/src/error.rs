//! What is wrong with a configuration: every fault of one load, each in one
//! sentence that names its place. No secret ever gets into one.

use std::fmt;

use crate::node::Origin;

/// A configuration that cannot be used: everything found wrong in it, one line
/// each, as in `profiles/local.yaml:7: unknown key analytics.retention_day; did
/// you mean retention_days?`
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines(.0))]
pub struct ConfigError(pub(crate) Vec<Problem>);

impl ConfigError {
    /// The faults, one sentence each.
    pub fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// One fault and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) origin: Origin,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
