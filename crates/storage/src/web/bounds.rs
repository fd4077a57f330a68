//! How many pages and sources are told apart on a day. Whoever makes up addresses,
//! referrers or campaigns must not make rows of counts without end: those beyond the
//! bound count as one.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use time::{Date, UtcOffset};

use super::session::Session;

/// What is beyond a bound is called.
pub const OTHER: &str = "(other)";
/// Days that are remembered: events come late, and imports go through days in order.
const DAYS: usize = 3;

/// The pages and sources that were seen. Each server, and each import, has its own.
#[derive(Debug)]
pub struct Bounds {
    pages: Seen<(String, String)>,
    sources: Seen<(String, String, String)>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(10_000, 1_000)
    }
}

impl Bounds {
    /// Tells so many pages and sources apart on each day, of all sites together.
    #[must_use]
    pub const fn new(pages: u32, sources: u32) -> Self {
        Self {
            pages: Seen::new(pages),
            sources: Seen::new(sources),
        }
    }

    /// Replaces a path that is one too many.
    pub(super) fn page(&mut self, day: Date, site: &str, path: &mut String) {
        let page = (site.to_owned(), path.clone());
        if !self.pages.fits(day, page) {
            OTHER.clone_into(path);
        }
    }

    /// Replaces the source of a session that is one too many. That stays so: whoever
    /// judges the session again does not know what else there was on its day.
    pub(super) fn source(&mut self, session: &mut Session) {
        let direct = session.source.is_empty() && session.referrer.is_empty();
        if direct || session.facts.one_too_many {
            return;
        }
        let day = session.started_at.to_offset(UtcOffset::UTC).date();
        let Session {
            site,
            source,
            referrer,
            ..
        } = &*session;
        let source = (site.clone(), source.clone(), referrer.clone());
        if !self.sources.fits(day, source) {
            session.facts.one_too_many = true;
            session.forget_source();
        }
    }
}

/// What was seen on the last days.
#[derive(Debug)]
struct Seen<T> {
    most: usize,
    days: BTreeMap<Date, HashSet<T>>,
}

impl<T: Hash + Eq> Seen<T> {
    const fn new(most: u32) -> Self {
        Self {
            most: most as usize,
            days: BTreeMap::new(),
        }
    }

    /// Whether this was seen on that day, or there is room for it.
    fn fits(&mut self, day: Date, what: T) -> bool {
        let seen = self.days.entry(day).or_default();
        let fits = seen.contains(&what) || seen.len() < self.most;
        if fits {
            seen.insert(what);
        }
        if self.days.len() > DAYS {
            self.days.pop_first();
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn pages_beyond_the_bound_are_one() {
        let mut bounds = Bounds::new(2, 1);
        let mut called = |day, path: &str| {
            let mut path = path.to_owned();
            bounds.page(day, "example.com", &mut path);
            path
        };
        let day = date!(2026 - 11 - 29);
        let names = ["/a", "/b", "/c", "/a", "/d"].map(|path| called(day, path));
        assert_eq!(names, ["/a", "/b", OTHER, "/a", OTHER]);
        assert_eq!(called(date!(2026 - 11 - 30), "/c"), "/c", "a new day");
    }
}
