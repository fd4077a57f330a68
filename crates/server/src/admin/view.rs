//! What an address says: which period, compared with what, filtered how. Every
//! link of a page keeps it, so a page can be shared as it is seen.

use systemprompt_domain::period::{When, Zone};
use systemprompt_reporting::Entry;

use super::known::Known;

/// What pages can be filtered by, with the words for people.
pub(super) const FILTERS: [(&str, &str); 11] = [
    ("model", "Model"),
    ("provider", "Provider"),
    ("agent", "Agent"),
    ("user", "User"),
    ("state", "State"),
    ("category", "Category"),
    ("event", "Event"),
    ("entity_type", "Kind of thing"),
    ("trace", "Trace"),
    ("conversation", "Conversation"),
    ("alert", "Alert"),
];

/// Periods that have a name, with the key that chooses them.
pub(super) const PRESETS: [(&str, &str, &str, &str); 8] = [
    ("D", "Today", "today", "now"),
    ("E", "Yesterday", "yesterday", "today"),
    ("H", "Last 24 hours", "24h", "now"),
    ("W", "Last 7 days", "7d", "now"),
    ("T", "Last 30 days", "30d", "now"),
    ("N", "Last 90 days", "90d", "now"),
    ("M", "This month", "this-month", "now"),
    ("P", "Last month", "last-month", "this-month"),
];

const SINCE: &str = "7d";
const UNTIL: &str = "now";
const ZONE: &str = "UTC";
/// The most of one kind of filter, and the longest text of one.
const MOST: usize = 20;
const LONGEST: usize = 400;

/// What an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) since: String,
    pub(super) until: String,
    pub(super) timezone: String,
    pub(super) compare: bool,
    pub(super) filters: Vec<(&'static str, String)>,
    /// Lists go on from there.
    pub(super) before: Option<String>,
    /// Only this panel of the page is wanted.
    pub(super) only: Option<usize>,
    /// What in the address made no sense.
    pub(super) problem: Option<String>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            since: SINCE.to_owned(),
            until: UNTIL.to_owned(),
            timezone: ZONE.to_owned(),
            compare: true,
            filters: Vec::new(),
            before: None,
            only: None,
            problem: None,
        }
    }
}

impl View {
    /// Reads a query string. What makes no sense is left out and told.
    pub(super) fn of(query: &str) -> Self {
        let mut view = Self::default();
        let (mut from, mut to) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            if value.is_empty() || value.chars().count() > LONGEST {
                continue;
            }
            match &*name {
                "since" => view.when(value, |view| &mut view.since),
                "until" => view.when(value, |view| &mut view.until),
                // Dates of the form, both of which belong to the period.
                "from" => from = value.parse::<When>().ok().map(|_| value.to_owned()),
                "to" => to = day_after(value),
                "timezone" => match value.parse::<Zone>() {
                    Ok(_) => value.clone_into(&mut view.timezone),
                    Err(error) => view.problem = Some(error.to_string()),
                },
                "compare" => view.compare = value != "off",
                "before" => view.before = Some(value.to_owned()),
                "only" => view.only = value.parse().ok(),
                name => view.filter(name, value),
            }
        }
        if let Some(from) = from {
            view.since = from;
            view.until = to.unwrap_or_else(|| UNTIL.to_owned());
        }
        view
    }

    fn when(&mut self, value: &str, field: fn(&mut Self) -> &mut String) {
        match value.parse::<When>() {
            Ok(_) => value.clone_into(field(self)),
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    fn filter(&mut self, name: &str, value: &str) {
        let Some((name, _)) = FILTERS.iter().find(|(known, _)| *known == name) else {
            return;
        };
        let given = self.filters.iter().filter(|(known, _)| known == name);
        let new = !self.filters.iter().any(|(n, v)| n == name && v == value);
        if new && given.count() < MOST {
            self.filters.push((name, value.to_owned()));
        }
    }

    /// The name of the period, if it has one.
    pub(super) fn preset(&self) -> Option<&'static str> {
        PRESETS
            .iter()
            .find(|(_, _, since, until)| self.since == *since && self.until == *until)
            .map(|(_, name, ..)| *name)
    }

    /// The same with another period.
    pub(super) fn over(&self, since: &str, until: &str) -> Self {
        Self {
            since: since.to_owned(),
            until: until.to_owned(),
            ..self.plain()
        }
    }

    /// The same with one more filter.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut view = self.plain();
        view.filter(name, value);
        view
    }

    /// The same without the filter at `n`.
    pub(super) fn without(&self, n: usize) -> Self {
        let mut view = self.plain();
        view.filters.remove(n);
        view
    }

    /// The same without any filter.
    pub(super) fn unfiltered(&self) -> Self {
        Self {
            filters: Vec::new(),
            ..self.plain()
        }
    }

    /// The same from the beginning of lists.
    pub(super) fn plain(&self) -> Self {
        Self {
            before: None,
            only: None,
            problem: None,
            ..self.clone()
        }
    }

    /// The same further down the list.
    pub(super) fn older(&self, than: &str) -> Self {
        Self {
            before: Some(than.to_owned()),
            ..self.plain()
        }
    }

    /// The same, compared with the period before or not.
    pub(super) fn compared(&self, compare: bool) -> Self {
        Self {
            compare,
            ..self.plain()
        }
    }

    /// The address of a path as it is seen now.
    pub(super) fn at(&self, path: &str) -> String {
        let query = self.query();
        match query.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{query}"),
        }
    }

    /// What differs from a page without a query.
    pub(super) fn query(&self) -> String {
        encode(&self.fields())
    }

    /// The same as fields of a form.
    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        let compare = if self.compare { "" } else { "off" };
        let own = [
            ("since", &*self.since, SINCE),
            ("until", &*self.until, UNTIL),
            ("timezone", &*self.timezone, ZONE),
            ("compare", compare, ""),
            ("before", self.before.as_deref().unwrap_or_default(), ""),
        ];
        let own = own.into_iter().filter(|(_, value, usual)| value != usual);
        let own = own.map(|(name, value, _)| (name, value));
        let filters = self.filters.iter().map(|(name, value)| (*name, &**value));
        own.chain(filters).collect()
    }

    /// The parameters of a question: those of the page that it takes, then the
    /// panel's own. `subject` is what the page is about.
    pub(super) fn params(
        &self,
        entry: &'static Entry,
        fixed: &str,
        subject: &str,
        pages: bool,
    ) -> Vec<(String, String)> {
        let takes = |name: &str| Known::of(entry).takes(name);
        let fixed: Vec<(String, String)> = form_urlencoded::parse(fixed.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.replace("{}", subject)))
            .collect();
        let set = |name: &str| fixed.iter().any(|(known, _)| known == name);
        let period = [
            ("since", &self.since),
            ("until", &self.until),
            ("timezone", &self.timezone),
        ];
        let filters = self.filters.iter().map(|(name, value)| (*name, value));
        let before = self.before.iter().map(|value| ("before", value));
        let page = period
            .into_iter()
            .chain(filters)
            .chain(before.filter(|_| pages))
            .filter(|(name, _)| takes(name) && !set(name))
            .map(|(name, value)| (name.to_owned(), value.clone()));
        page.collect::<Vec<_>>().into_iter().chain(fixed).collect()
    }
}

/// A query string.
pub(super) fn encode<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        out.append_pair(name.as_ref(), value.as_ref());
    }
    out.finish()
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20");
    // Dots alone would be a step up the path.
    match &*encoded {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => encoded,
    }
}

/// The day after a date: forms name the last day that belongs to the period.
fn day_after(text: &str) -> Option<String> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let date = time::Date::parse(text, format).ok()?;
    date.next_day()?.format(format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::panel::named;

    #[test]
    fn an_address_says_what_it_was_made_from() {
        let query = "since=30d&timezone=Europe%2FBerlin&compare=off&agent=a%26b&agent=c&model=x";
        let view = View::of(query);
        assert_eq!(view.query(), query);
        assert_eq!(View::of(&view.query()), view);
        assert_eq!(View::default().query(), "");
        assert_eq!(view.without(0).filters.len(), 2);
        assert_eq!(
            view.with("user", "ada").query(),
            format!("{query}&user=ada")
        );
        assert_eq!(view.with("agent", "c"), view, "no filter twice");
        assert_eq!(View::default().at("/admin"), "/admin");
    }

    #[test]
    fn the_last_day_of_a_form_belongs_to_the_period() {
        let view = View::of("from=2026-11-01&to=2026-11-30&since=7d");
        assert_eq!((&*view.since, &*view.until), ("2026-11-01", "2026-12-01"));
        assert_eq!(View::of("from=2026-11-01").until, "now");
        assert_eq!(View::of("to=2026-11-01"), View::default());
    }

    #[test]
    fn nonsense_is_told_and_left_out() {
        let view = View::of("since=soon&model=&weird=1&only=x");
        assert!(
            view.problem.as_ref().is_some_and(|p| p.contains("soon")),
            "{view:?}"
        );
        assert_eq!(view.plain(), View::default());
        let zone = View::of("timezone=Berlin");
        assert!(zone.problem.is_some() && zone.timezone == "UTC");
    }

    #[test]
    fn a_question_gets_what_it_takes() {
        let view = View::of("since=30d&agent=a&state=failed&before=x");
        let params = view.params(named("costs breakdown"), "by=agent&limit=5", "", false);
        let query = encode(&params);
        assert_eq!(
            query,
            "since=30d&until=now&timezone=UTC&agent=a&by=agent&limit=5"
        );
        let shown = view.params(named("requests show"), "id={}", "a b", true);
        assert_eq!(encode(&shown), "id=a+b");
        let own = view.params(named("agents trends"), "agent={}", "b", false);
        assert!(encode(&own).ends_with("&agent=b"), "{own:?}");
    }

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("a/b c?#%é"), "a%2Fb%20c%3F%23%25%C3%A9");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
