//! Where names lead: to their own page, or to the same page with one more filter.

use systemprompt_reporting::Entry;

use crate::admin::known::Known;
use crate::admin::panel::Page;
use crate::admin::view::{FILTERS, View, segment};

/// Links of one page.
#[derive(Clone, Copy)]
pub(crate) struct Links<'a> {
    pub(super) view: &'a View,
    page: &'static Page,
    subject: &'a str,
}

impl<'a> Links<'a> {
    pub(crate) const fn of(view: &'a View, page: &'static Page, subject: &'a str) -> Self {
        Self {
            view,
            page,
            subject,
        }
    }

    /// The page itself, seen like that.
    pub(crate) fn here(&self, view: &View) -> String {
        view.at(&self.path())
    }

    fn path(&self) -> String {
        match (self.page.slug, self.page.single) {
            ("", _) => "/admin".to_owned(),
            (slug, false) => format!("/admin/{slug}"),
            (slug, true) => format!("/admin/{slug}/{}", segment(self.subject)),
        }
    }

    /// Where a value of a column leads. `by` is what a row's `name` stands for.
    pub(super) fn to(&self, key: &str, value: &str, by: &str) -> Option<String> {
        if value.is_empty() {
            return None;
        }
        let key = if key == "name" { by } else { key };
        let single = |slug: &str| {
            let path = format!("/admin/{slug}/{}", segment(value));
            Some(self.view.unfiltered().at(&path))
        };
        match key {
            "id" if self.page.slug == "sessions" => single("sessions"),
            "id" | "request_id" => single("requests"),
            "tool" => single("tools"),
            "content" => single("content"),
            "trace_id" => single("traces"),
            "conversation_id" => single("conversations"),
            "agent" => single("agents"),
            "served_model" | "requested_model" => self.filtered("model", value),
            key => self.filtered(key, value),
        }
    }

    fn filtered(&self, name: &str, value: &str) -> Option<String> {
        let known = FILTERS.iter().any(|(known, _)| *known == name);
        let here = known
            && self
                .page
                .panels
                .iter()
                .any(|panel| takes(panel.entry(), name));
        let view = self.view.with(name, value);
        match (here && !self.page.single, known) {
            (true, _) => Some(self.here(&view)),
            // A page about one thing has nothing to filter.
            (false, true) => Some(
                self.view
                    .unfiltered()
                    .with(name, value)
                    .at("/admin/requests"),
            )
            .filter(|_| ["model", "provider", "user", "state"].contains(&name)),
            (false, false) => None,
        }
    }

    /// The filters of the page that a question does not take, in words.
    pub(super) fn skipped(&self, entry: &'static Entry) -> Vec<&'static str> {
        let mut skipped: Vec<&'static str> = Vec::new();
        for (name, _) in &self.view.filters {
            let words = FILTERS.iter().find(|(known, _)| known == name);
            let words = words.map_or(*name, |(_, words)| words);
            if !takes(entry, name) && !skipped.contains(&words) {
                skipped.push(words);
            }
        }
        skipped
    }
}

/// Whether a question has this parameter.
pub(crate) fn takes(entry: &'static Entry, name: &str) -> bool {
    Known::of(entry).takes(name)
}
