//! What a request is for, which pages are content, and how a page was read.

use std::collections::HashSet;

use serde::Deserialize;
use time::Duration;

use crate::names::names;
use crate::page::path;
use crate::rules::{RuleError, Table};

names! {
    /// What a request is for.
    pub enum RequestKind {
        /// A page: what people see and rules count.
        Page = "page",
        /// A file that browsers load for a page.
        Asset = "asset",
        /// The site's icon.
        Favicon = "favicon",
        /// `robots.txt`.
        Robots = "robots",
        /// A feed.
        Feed = "feed",
        /// A file of another kind: a download, a sitemap.
        File = "file",
    }
}

names! {
    /// How a page view was read.
    pub enum Reading {
        /// Left at once.
        Bounced = "bounced",
        /// Scrolled through, faster than anybody reads.
        Skimmed = "skimmed",
        /// Read.
        Read = "read",
        /// Read to the end.
        DeepRead = "deep_read",
        /// Open, and nobody there.
        LeftOpen = "left_open",
    }
}

/// A piece of content, as found in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentItem {
    /// What kind: `article`, `docs` … as the table calls it.
    pub kind: String,
    /// The path in its one spelling: the item's key.
    pub path: String,
    /// The part of the path that names it.
    pub slug: String,
}

/// What was done on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageReading {
    /// Milliseconds engaged.
    pub engaged_ms: u64,
    /// Deepest scroll, in per cent.
    pub scroll: u8,
    /// From its first event to its last.
    pub open: Duration,
    /// Its words, where somebody counted them.
    pub words: Option<u32>,
}

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentTable {
    version: String,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    assets: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    feeds: Vec<String>,
    #[serde(default)]
    items: Vec<ItemRule>,
    reading: Option<Thresholds>,
}

impl Table for ContentTable {
    fn version(&self) -> &str {
        &self.version
    }

    fn replaces(&self) -> bool {
        self.replace
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemRule {
    kind: String,
    path: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    bounced_below_seconds: f64,
    skimmed_scroll: u8,
    skimmed_share: f64,
    deep_scroll: u8,
    deep_share: f64,
    left_open_minutes: f64,
    left_open_share: f64,
    left_open_times: f64,
    words_per_minute: f64,
    expected_seconds: f64,
}

/// One part of a rule's path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slug,
    Rest,
}

/// The table, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    assets: HashSet<String>,
    files: HashSet<String>,
    feeds: HashSet<String>,
    items: Vec<(String, Vec<Part>)>,
    reading: Thresholds,
}

impl Content {
    pub(crate) fn new(tables: Vec<ContentTable>) -> Result<Self, RuleError> {
        let reading = tables.iter().find_map(|table| table.reading);
        let reading =
            reading.ok_or_else(|| RuleError::new("content.yaml", "reading is missing"))?;
        let mut items = Vec::new();
        let [mut assets, mut files, mut feeds] = [const { Vec::new() }; 3];
        for table in tables {
            for rule in table.items {
                let parts = parts(&rule.path).map_err(|reason| {
                    let reason = format!("items: path {:?}: {reason}", rule.path);
                    RuleError::about("content.yaml", &rule.path, reason)
                })?;
                items.push((rule.kind, parts));
            }
            assets.extend(table.assets);
            files.extend(table.files);
            feeds.extend(table.feeds);
        }
        Ok(Self {
            assets: assets.into_iter().collect(),
            files: files.into_iter().collect(),
            feeds: feeds.into_iter().collect(),
            items,
            reading,
        })
    }

    /// What a target is asked for.
    pub(crate) fn kind(&self, target: &str) -> RequestKind {
        let end = target.find(['?', '#']).unwrap_or(target.len());
        let path = target[..end].trim_end_matches('/');
        if path.eq_ignore_ascii_case("/robots.txt") {
            return RequestKind::Robots;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.starts_with("favicon.") || name.starts_with("apple-touch-icon") {
            return RequestKind::Favicon;
        }
        if self.feeds.contains(path) {
            return RequestKind::Feed;
        }
        let Some((_, extension)) = name.rsplit_once('.') else {
            return RequestKind::Page;
        };
        let extension = extension.to_ascii_lowercase();
        if self.assets.contains(&extension) {
            RequestKind::Asset
        } else if matches!(extension.as_str(), "rss" | "atom" | "rdf") {
            RequestKind::Feed
        } else if self.files.contains(&extension) {
            RequestKind::File
        } else {
            RequestKind::Page
        }
    }

    /// The content behind a path or an address without host.
    pub(crate) fn item(&self, target: &str) -> Option<ContentItem> {
        let path = path(target);
        self.items.iter().find_map(|(kind, parts)| {
            let slug = fit(parts, &path)?.to_owned();
            Some(ContentItem {
                kind: kind.clone(),
                path: path.clone(),
                slug,
            })
        })
    }

    /// How a page view was read: the first that applies of bounced, left open,
    /// skimmed, read deeply; else read.
    pub(crate) fn reading(&self, seen: &PageReading) -> Reading {
        let t = &self.reading;
        let engaged = seen.engaged_ms as f64 / 1_000.0;
        let expected = seen.words.filter(|words| *words > 0).map_or(
            t.expected_seconds,
            // Even a line takes a moment to find.
            |words| (f64::from(words) / t.words_per_minute * 60.0).max(10.0),
        );
        let open = seen.open.as_seconds_f64();
        if engaged < t.bounced_below_seconds {
            return Reading::Bounced;
        }
        let unattended = open >= t.left_open_minutes * 60.0 && engaged < open * t.left_open_share;
        if unattended || engaged > expected * t.left_open_times {
            return Reading::LeftOpen;
        }
        if seen.scroll >= t.skimmed_scroll && engaged < expected * t.skimmed_share {
            return Reading::Skimmed;
        }
        if seen.scroll >= t.deep_scroll && engaged >= expected * t.deep_share {
            return Reading::DeepRead;
        }
        Reading::Read
    }
}

fn parts(path: &str) -> Result<Vec<Part>, &'static str> {
    let Some(path) = path.strip_prefix('/') else {
        return Err("a path begins with a slash");
    };
    let parts: Vec<_> = path
        .trim_end_matches('/')
        .split('/')
        .map(|part| match part {
            "{slug}" => Part::Slug,
            "**" => Part::Rest,
            text => Part::Text(text.to_owned()),
        })
        .collect();
    let names = parts
        .iter()
        .filter(|part| !matches!(part, Part::Text(_)))
        .count();
    if names != 1 {
        return Err("{slug} or ** stands for the name, exactly once");
    }
    if parts.iter().rev().skip(1).any(|part| *part == Part::Rest) {
        return Err("** stands for all that follows, so nothing follows it");
    }
    Ok(parts)
}

/// The part of a path that names an item, where the rule fits.
fn fit<'a>(parts: &[Part], path: &'a str) -> Option<&'a str> {
    let mut rest = path.strip_prefix('/')?;
    let mut slug = None;
    for part in parts {
        if *part == Part::Rest {
            return (!rest.is_empty()).then_some(rest);
        }
        let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
        match part {
            Part::Text(text) if text == first => {}
            Part::Slug if !first.is_empty() => slug = Some(first),
            _ => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(slug)?
}
