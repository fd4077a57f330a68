//! The names in a batch, numbered in their order. Rollup keys are then small
//! numbers that compare, hash and sort fast, and sort as the names do.

use std::borrow::Cow;
use std::collections::HashMap;

use systemprompt_domain::event::RequestFinished;

use crate::writer::rows::clean;

/// A name's number. Numbers of one [`Names`] sort as their names do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(u32);

impl Name {
    /// The empty name, which sorts before every other one.
    pub(super) const NONE: Self = Self(0);
}

/// Every name that the rollups of a batch need.
pub(super) struct Names<'a> {
    texts: Vec<Cow<'a, str>>,
    numbers: HashMap<&'a str, Name>,
}

impl<'a> Names<'a> {
    pub(super) fn of(finished: &[&'a RequestFinished]) -> Self {
        Self::number_all(finished.iter().flat_map(|request| named(request)))
    }

    /// Numbers these names.
    pub(super) fn number_all(names: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers: HashMap<&'a str, Name> = HashMap::from([("", Name::NONE)]);
        for name in names {
            numbers.entry(name).or_default();
        }
        // Two names that differ only in what PostgreSQL cannot hold are one.
        let mut texts: Vec<Cow<'a, str>> = numbers.keys().map(|name| clean(name)).collect();
        texts.sort_unstable();
        texts.dedup();
        for (name, number) in &mut numbers {
            let at = texts
                .binary_search(&clean(name))
                .expect("every name was collected above");
            *number = Name(u32::try_from(at).expect("a batch has fewer names"));
        }
        Self { texts, numbers }
    }

    /// The number of a name that a request of the batch has.
    pub(super) fn number(&self, name: Option<&str>) -> Name {
        name.map_or(Name::NONE, |name| self.numbers[name])
    }

    /// The name as PostgreSQL takes it.
    pub(super) fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}

fn named(request: &RequestFinished) -> impl Iterator<Item = &str> {
    let context = &request.context;
    [
        Some(context.provider.as_str()),
        request.model(),
        context.agent.as_deref(),
        context.user.as_deref(),
        request.error_type.as_deref(),
        request.error_code.as_deref(),
    ]
    .into_iter()
    .flatten()
}
