//! How many pages of a site are told apart on a day. Whoever makes up addresses must
//! not make rows of counts without end: pages beyond the bound count as one.

use std::collections::{BTreeMap, HashSet};

use time::Date;

/// What the pages beyond the bound are called.
pub const OTHER: &str = "(other)";
/// Days that are remembered: events come late, and imports go through days in order.
const DAYS: usize = 3;

/// The pages that were seen. Each server, and each import, has its own.
#[derive(Debug)]
pub struct Paths {
    most: usize,
    days: BTreeMap<Date, HashSet<(String, String)>>,
}

impl Default for Paths {
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl Paths {
    /// Tells so many pages apart on each day, of all sites together.
    #[must_use]
    pub const fn new(most: u32) -> Self {
        Self {
            most: most as usize,
            days: BTreeMap::new(),
        }
    }

    /// Replaces a path that is one too many.
    pub(super) fn bound(&mut self, day: Date, site: &str, path: &mut String) {
        let seen = self.days.entry(day).or_default();
        let page = (site.to_owned(), std::mem::take(path));
        let fits = seen.contains(&page) || seen.len() < self.most;
        match fits {
            true => {
                path.clone_from(&page.1);
                seen.insert(page);
            }
            false => OTHER.clone_into(path),
        }
        if self.days.len() > DAYS {
            self.days.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn pages_beyond_the_bound_are_one() {
        let mut paths = Paths::new(2);
        let mut called = |day, path: &str| {
            let mut path = path.to_owned();
            paths.bound(day, "example.com", &mut path);
            path
        };
        let day = date!(2026 - 11 - 29);
        let names = ["/a", "/b", "/c", "/a", "/d"].map(|path| called(day, path));
        assert_eq!(names, ["/a", "/b", OTHER, "/a", OTHER]);
        assert_eq!(called(date!(2026 - 11 - 30), "/c"), "/c", "a new day");
    }
}
