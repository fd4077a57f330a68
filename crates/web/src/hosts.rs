//! Hosts by name: which table entry a host, an app or a campaign's source
//! belongs to.
//!
//! `bing.com` stands for itself and everything below it, `bing.com/chat` only
//! for pages there that begin so, `google.*` for `google` under every country's
//! ending, `app:com.slack` for an app, and a name without a dot for itself.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};

/// An entry as tables write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostRule {
    kind: Kind,
    name: String,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// A host and all below it; also a bare name.
    Host,
    /// A label under any ending.
    AnyEnding,
    /// An app's package.
    App,
}

impl HostRule {
    fn parse(written: &str) -> Result<Self, &'static str> {
        let (name, path) = match written.split_once('/') {
            Some((name, path)) => (name, format!("/{path}")),
            None => (written, String::new()),
        };
        let (kind, name) = if let Some(package) = name.strip_prefix("app:") {
            (Kind::App, package)
        } else if let Some(label) = name.strip_suffix(".*") {
            (Kind::AnyEnding, label)
        } else {
            (Kind::Host, name)
        };
        let fits = !name.is_empty()
            && name.len() <= 253
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' '))
            && !name.starts_with('.');
        if !fits {
            return Err("a host looks like example.com, example.* or app:com.example");
        }
        Ok(Self {
            kind,
            name: name.to_lowercase(),
            path,
        })
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        Self::parse(&written)
            .map_err(|reason| serde::de::Error::custom(format!("{written:?}: {reason}")))
    }
}

/// Entries, each with what it means. The first entry for a place wins.
#[derive(Clone, Debug)]
pub(crate) struct Hosts<T> {
    rules: HashMap<(Kind, String), Vec<(String, T)>>,
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self {
            rules: HashMap::new(),
        }
    }
}

impl<T> Hosts<T> {
    pub(crate) fn add(&mut self, rule: HostRule, meaning: T) {
        self.rules
            .entry((rule.kind, rule.name))
            .or_default()
            .push((rule.path, meaning));
    }

    /// What the host means for a page under this path. The most exact entry
    /// wins: more labels, then the longer path.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&T> {
        let mut rest = host;
        loop {
            if let Some(found) = self.at(Kind::Host, rest, path) {
                return Some(found);
            }
            // `google.*` stands for google.de and google.co.uk, not for
            // google.example.com: an ending has two labels only where the
            // second is short.
            let (label, ending) = rest.split_once('.')?;
            if is_ending(ending)
                && let Some(found) = self.at(Kind::AnyEnding, label, path)
            {
                return Some(found);
            }
            rest = ending;
        }
    }

    /// What an app's package means.
    pub(crate) fn app(&self, package: &str) -> Option<&T> {
        let mut rest = package;
        loop {
            if let Some(found) = self.at(Kind::App, rest, "") {
                return Some(found);
            }
            rest = rest.rsplit_once('.')?.0;
        }
    }

    fn at(&self, kind: Kind, name: &str, path: &str) -> Option<&T> {
        let rules = self.rules.get(&(kind, name.to_owned()))?;
        rules
            .iter()
            .filter(|(under, _)| path.starts_with(under.as_str()))
            .max_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then(std::cmp::Ordering::Greater))
            .map(|(_, meaning)| meaning)
    }
}

/// `com`, `de`, `co.uk`, `com.au`.
fn is_ending(text: &str) -> bool {
    match text.split_once('.') {
        None => !text.is_empty(),
        Some((second, top)) => second.len() <= 3 && top.len() == 2 && !top.contains('.'),
    }
}

/// The part of a host that somebody registered, as far as that can be told
/// without the list of all public endings: the label before the ending.
pub(crate) fn registered<'a>(host: &'a str, shared: &[String]) -> &'a str {
    // Under shared endings (github.io) every name is somebody else.
    let mut labels: Vec<usize> = host.match_indices('.').map(|(at, _)| at + 1).collect();
    labels.insert(0, 0);
    let is_shared = |ending: &str| shared.iter().any(|known| known == ending);
    for (i, start) in labels.iter().enumerate() {
        let next = labels.get(i + 1).map(|next| &host[*next..]);
        match next {
            None => return &host[*start..],
            Some(ending) if is_shared(ending) || is_ending(ending) => return &host[*start..],
            Some(_) => {}
        }
    }
    host
}
