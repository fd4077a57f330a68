//! Who asks, and so which tools there are and what they show.

use systemprompt_reporting::Scope;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    scope: Scope,
    tools: Breadth,
}

/// Which tools a caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// The few that tell an agent about itself: what it has to read to choose one
    /// comes out of what it can think about.
    Own,
    /// One for every question.
    All,
}

impl Caller {
    /// An agent: it has the tools about itself, and they show nothing else.
    #[must_use]
    pub fn agent(name: impl Into<String>) -> Self {
        Self {
            scope: Scope::agent(name),
            tools: Breadth::Own,
        }
    }

    /// Somebody who may ask every question, about what `scope` covers.
    #[must_use]
    pub const fn reader(scope: Scope) -> Self {
        Self {
            scope,
            tools: Breadth::All,
        }
    }

    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) const fn tools(&self) -> Breadth {
        self.tools
    }
}
