//! The tables of channels: assistants, search engines, social networks, spam,
//! and the words of campaigns.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::source::{Kind, Source};
use crate::hosts::{HostRule, Hosts, registered};
use crate::page::{CLICK_IDS, Page};
use crate::rules::{RuleError, Table};
use crate::words::{OneOrMore, Word, Words};

/// Names and their hosts, of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourcesTable {
    version: String,
    #[serde(default)]
    replace: bool,
    kind: Kind,
    #[serde(default)]
    hosts: BTreeMap<String, OneOrMore<HostRule>>,
}

/// Referrers that advertise themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpamTable {
    version: String,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    hosts: Vec<HostRule>,
    #[serde(default)]
    words: Vec<Word>,
    #[serde(default)]
    never: Vec<HostRule>,
}

/// Everything else about channels.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelsTable {
    version: String,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    mediums: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    sources: BTreeMap<Kind, BTreeMap<String, OneOrMore<HostRule>>>,
    #[serde(default)]
    clicks: BTreeMap<String, Click>,
    #[serde(default)]
    shared_endings: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Click {
    name: String,
    kind: Kind,
}

macro_rules! table {
    ($($type:ty),+) => {$(
        impl Table for $type {
            fn version(&self) -> &str {
                &self.version
            }

            fn replaces(&self) -> bool {
                self.replace
            }
        }
    )+};
}
table!(SourcesTable, SpamTable, ChannelsTable);

/// The tables, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    hosts: Hosts<(String, Kind)>,
    spam: Hosts<()>,
    never_spam: Hosts<()>,
    spam_words: Words<()>,
    mediums: BTreeMap<String, Vec<String>>,
    clicks: BTreeMap<&'static str, Click>,
    shared_endings: Vec<String>,
}

/// Medium groups that name a channel.
const MEDIUMS: [&str; 9] = [
    "paid",
    "display",
    "ai_assistant",
    "social",
    "email",
    "affiliates",
    "audio",
    "sms",
    "referral",
];

impl Channels {
    pub(crate) fn new(
        sources: [Vec<SourcesTable>; 3],
        spam: Vec<SpamTable>,
        rest: Vec<ChannelsTable>,
    ) -> Result<Self, RuleError> {
        let mut hosts = Hosts::default();
        let mut add = |kind, names: BTreeMap<String, OneOrMore<HostRule>>| {
            for (name, rules) in names {
                for rule in rules.0 {
                    hosts.add(rule, (name.clone(), kind));
                }
            }
        };
        for table in sources.into_iter().flatten() {
            add(table.kind, table.hosts);
        }
        let mut mediums: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut clicks = BTreeMap::new();
        let mut shared_endings = Vec::new();
        for table in rest {
            for (kind, names) in table.sources {
                add(kind, names);
            }
            for (group, words) in table.mediums {
                if !MEDIUMS.contains(&group.as_str()) {
                    let reason = format!("mediums.{group}: none of {}", MEDIUMS.join(", "));
                    return Err(RuleError::about("channels.yaml", &group, reason));
                }
                mediums.entry(group).or_default().extend(words);
            }
            for (parameter, click) in table.clicks {
                let known = CLICK_IDS.iter().find(|known| **known == parameter);
                let Some(known) = known else {
                    let reason = format!("clicks.{parameter}: none of {}", CLICK_IDS.join(", "));
                    return Err(RuleError::about("channels.yaml", &parameter, reason));
                };
                clicks.entry(*known).or_insert(click);
            }
            shared_endings.extend(table.shared_endings);
        }
        let (mut spam_hosts, mut never_spam, mut spam_words) =
            (Hosts::default(), Hosts::default(), Vec::new());
        for table in spam {
            table
                .hosts
                .into_iter()
                .for_each(|host| spam_hosts.add(host, ()));
            table
                .never
                .into_iter()
                .for_each(|host| never_spam.add(host, ()));
            spam_words.extend(table.words.into_iter().map(|word| (word, ())));
        }
        Ok(Self {
            hosts,
            spam: spam_hosts,
            never_spam,
            spam_words: Words::new(spam_words),
            mediums,
            clicks,
            shared_endings,
        })
    }

    pub(super) fn host(&self, host: &str, path: &str) -> Option<Source> {
        self.hosts.find(host, path).map(source)
    }

    pub(super) fn app(&self, package: &str) -> Option<Source> {
        self.hosts.app(package).map(source)
    }

    pub(super) fn is_spam(&self, host: &str) -> bool {
        let listed = self.spam.find(host, "").is_some() || self.spam_words.any(host);
        listed && self.never_spam.find(host, "").is_none() && self.host(host, "").is_none()
    }

    /// Whether a host is the site itself: one of its own, one below such a one,
    /// another name of the same owner, or a developer's machine.
    pub(super) fn is_own(&self, host: &str, page: &Page, own: &[String]) -> bool {
        if matches!(host, "localhost" | "127.0.0.1" | "::1") || host.ends_with(".localhost") {
            return true;
        }
        let below = |own: &str| {
            let own = own.strip_prefix("www.").unwrap_or(own);
            host == own || host.strip_suffix(own).is_some_and(|sub| sub.ends_with('.'))
        };
        let own = own.iter().map(|own| own.to_lowercase());
        if own.into_iter().any(|own| below(&own)) {
            return true;
        }
        page.host.as_deref().is_some_and(|site| {
            // Addresses have no owner's part.
            let is_name = site.parse::<std::net::IpAddr>().is_err();
            below(site)
                || is_name
                    && registered(site, &self.shared_endings)
                        == registered(host, &self.shared_endings)
        })
    }

    /// Whether a medium is one of a group's words.
    pub(super) fn is_medium(&self, group: &str, medium: &str) -> bool {
        let words = self.mediums.get(group);
        words.is_some_and(|words| words.iter().any(|word| word == medium))
    }

    /// Whether a medium names a channel of its own, whoever the source is.
    pub(super) fn names_channel(&self, medium: &str) -> bool {
        ["email", "affiliates", "audio", "sms"]
            .iter()
            .any(|group| self.is_medium(group, medium))
            || medium.ends_with("push")
            || medium.contains("notification")
    }

    /// Whether a medium says that somebody paid: per click, per view, per
    /// anything (`cpc`, `cpm`), or in so many words.
    pub(super) fn is_paid(&self, medium: &str) -> bool {
        (medium.contains("cp") && !self.is_medium("display", medium))
            || medium.starts_with("paid")
            || self.is_medium("paid", medium)
    }

    /// What kind of place a click id is of.
    pub(super) fn click_kind(&self, parameter: &str) -> Option<Kind> {
        self.clicks.get(parameter).map(|click| click.kind)
    }

    pub(super) fn clicked(&self, parameter: &str) -> Option<String> {
        self.clicks.get(parameter).map(|click| click.name.clone())
    }
}

fn source((name, kind): &(String, Kind)) -> Source {
    Source {
        name: name.clone(),
        kind: Some(*kind),
    }
}

/// Whether a campaign's name is about shopping: the word "shop" that is not the
/// end of another ("workshop"), or "shopping" anywhere.
pub(super) fn is_shopping(campaign: &str) -> bool {
    campaign.contains("shopping")
        || campaign.match_indices("shop").any(|(at, _)| {
            // "e-shop" and "eshop" are shops.
            !campaign[..at].ends_with(|c: char| c.is_ascii_lowercase() && c != 'e')
        })
}
