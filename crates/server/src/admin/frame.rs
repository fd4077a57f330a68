//! What stands around every page: navigation, the period, filters, who is signed
//! in, and whether what is shown is real.

use askama::Template;
use http::HeaderMap;
use http::header::COOKIE;
use systemprompt_storage::users::Session;

use super::pages::PAGES;
use super::panel::{Look, Page};
use super::render::Links;
use super::view::{FILTERS, PRESETS, View};
use crate::html::Escaped;

/// A page in its frame.
#[derive(Template)]
#[template(path = "admin/frame.html")]
pub(super) struct Frame<'a> {
    pub(super) title: String,
    pub(super) about: &'a str,
    pub(super) nav: Vec<Item>,
    pub(super) user: &'a str,
    /// The theme that was chosen here; the system's without.
    pub(super) theme: Option<&'static str>,
    pub(super) demo: bool,
    /// What the page is seen through; none where there is nothing to choose.
    pub(super) bar: Option<Bar>,
    pub(super) body: &'a str,
    pub(super) script: String,
}

/// A way to another page.
pub(super) struct Item {
    title: &'static str,
    href: String,
    current: bool,
    icon: &'static str,
    /// What begins with it.
    group: Option<&'static str>,
}

/// The period and the filters of a page.
pub(super) struct Bar {
    period: String,
    zone: String,
    presets: Vec<Preset>,
    /// Whether its questions have a period, and whether two are compared.
    timed: bool,
    comparable: bool,
    compare: bool,
    compare_href: String,
    chips: Vec<Chip>,
    clear: String,
    action: String,
    fields: Vec<(String, String)>,
    /// The fields without the period.
    filter_fields: Vec<(String, String)>,
    zone_fields: Vec<(String, String)>,
    dimensions: Vec<(&'static str, &'static str)>,
    problem: Option<String>,
}

struct Preset {
    key: &'static str,
    name: &'static str,
    href: String,
    current: bool,
}

struct Chip {
    name: &'static str,
    value: String,
    href: String,
}

/// Pages without panels.
const OTHERS: [(&str, &str, &str); 5] = [
    ("reports", "Reports", "page"),
    ("jobs", "Jobs", "clock"),
    ("access", "Tokens & users", "key"),
    ("health", "Health", "pulse"),
    ("account", "Signed in", "user"),
];

/// What begins with which page.
const GROUPS: [(&str, &str); 4] = [
    ("costs", "AI"),
    ("traffic", "Web"),
    ("activity", "Record"),
    ("jobs", "Server"),
];

/// The ways to all pages, seen as this one is.
pub(super) fn nav(current: &str, view: &View) -> Vec<Item> {
    // Filters belong to a page; the period goes along.
    let view = view.unfiltered();
    let group = |slug: &str| {
        let begins = GROUPS.iter().find(|(first, _)| *first == slug);
        begins.map(|(_, name)| *name)
    };
    let pages = PAGES.iter().filter(|page| !page.single).map(|page| {
        let path = match page.slug {
            "" => "/admin".to_owned(),
            slug => format!("/admin/{slug}"),
        };
        Item {
            title: page.title,
            href: view.at(&path),
            current: page.slug == current,
            icon: page.slug,
            group: group(page.slug),
        }
    });
    let others = OTHERS.iter().map(|(slug, title, icon)| Item {
        title,
        href: view.at(&format!("/admin/{slug}")),
        current: *slug == current,
        icon,
        group: group(slug),
    });
    pages.chain(others).collect()
}

/// What a page of panels is seen through.
pub(super) fn bar(page: &'static Page, view: &View, links: Links<'_>) -> Bar {
    let fields = |skip: &[&str]| {
        let plain = view.plain();
        let fields = plain.fields().into_iter();
        let kept = fields.filter(|(name, _)| !skip.contains(name));
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
        kept.collect::<Vec<_>>()
    };
    let taken = |name: &str| {
        let mut panels = page.panels.iter();
        panels.any(|panel| super::render::takes(panel.entry(), name))
    };
    let presets = PRESETS.iter().map(|(key, name, since, until)| Preset {
        key,
        name,
        href: links.here(&view.over(since, until)),
        current: view.since == *since && view.until == *until,
    });
    let chips = view
        .filters
        .iter()
        .enumerate()
        .map(|(n, (name, value))| Chip {
            name: FILTERS
                .iter()
                .find(|(known, _)| known == name)
                .map_or(name, |(_, words)| words),
            value: systemprompt_reporting::present::text::clean(value).into_owned(),
            href: links.here(&view.without(n)),
        });
    Bar {
        period: view
            .preset()
            .map_or_else(|| format!("{} – {}", view.since, view.until), str::to_owned),
        zone: view.timezone.clone(),
        timed: taken("since"),
        comparable: page
            .panels
            .iter()
            .any(|panel| matches!(panel.look, Look::Cards { .. } | Look::Chart { .. })),
        presets: presets.collect(),
        compare: view.compare,
        compare_href: links.here(&view.compared(!view.compare)),
        chips: chips.collect(),
        clear: links.here(&view.unfiltered()),
        action: links.here(&View::default()),
        fields: fields(&["since", "until"]),
        filter_fields: fields(&[]),
        zone_fields: fields(&["timezone"]),
        dimensions: match page.single {
            true => Vec::new(),
            false => FILTERS
                .iter()
                .copied()
                .filter(|(name, _)| taken(name))
                .collect(),
        },
        problem: view.problem.clone(),
    }
}

/// The theme that a browser's cookie names.
pub(super) fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).map(str::trim);
    pairs.find_map(|pair| match pair {
        "theme=dark" => Some("dark"),
        "theme=light" => Some("light"),
        _ => None,
    })
}

/// A page about one thing names it.
pub(super) fn title(page: &Page, subject: &str) -> String {
    match page.single {
        true => {
            let subject = systemprompt_reporting::present::text::clean(subject);
            format!("{} {subject}", page.title)
        }
        false => page.title.to_owned(),
    }
}

/// The frame of a page that is not made of panels.
pub(super) fn plain<'a>(
    slug: &'static str,
    title: &'a str,
    about: &'a str,
    session: &'a Session,
    headers: &HeaderMap,
    demo: bool,
    body: &'a str,
) -> Frame<'a> {
    Frame {
        title: title.to_owned(),
        about,
        nav: nav(slug, &View::default()),
        user: &session.user,
        theme: theme(headers),
        demo,
        bar: None,
        body,
        script: super::assets::script(),
    }
}

/// A moment in a table of a page that is not made of panels.
pub(super) fn moment(at: time::OffsetDateTime) -> String {
    let minute = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]");
    at.to_offset(time::UtcOffset::UTC)
        .format(minute)
        .unwrap_or_default()
}

/// Text for HTML.
pub(super) fn escaped(text: &str) -> String {
    Escaped(&systemprompt_reporting::present::text::clean(text)).to_string()
}
