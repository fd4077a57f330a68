//! Which program an agent is, what it is for, and who runs it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;

use crate::names::names;
use crate::rules::Table;
use crate::text::inert;
use crate::words::{OneOrMore, Word, Words};

names! {
    /// What a program fetches pages for.
    pub enum BotKind {
        /// A search engine's index.
        Search = "search",
        /// The training of AI models.
        AiTraining = "ai_training",
        /// The index an AI assistant searches.
        AiSearch = "ai_search",
        /// An AI assistant or agent, because a person asked just now.
        AiUserFetch = "ai_user_fetch",
        /// Search engine optimisation, advertising, market research.
        Seo = "seo",
        /// The preview of a shared link.
        SocialPreview = "social_preview",
        /// Whether and how fast the site answers.
        Monitoring = "monitoring",
        /// A feed reader.
        Feed = "feed",
        /// A program of somebody's own, by the library it is written with.
        HttpLibrary = "http_library",
        /// An archive.
        Archiver = "archiver",
        /// A browser that a program drives.
        Headless = "headless",
        /// It does not say.
        Other = "other",
    }
}

impl BotKind {
    /// Whether an AI company's program: what `traffic bots` lists as AI crawlers.
    #[must_use]
    pub const fn is_ai(self) -> bool {
        matches!(self, Self::AiTraining | Self::AiSearch | Self::AiUserFetch)
    }
}

/// A program that fetches pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// What for.
    pub kind: BotKind,
    /// Its name: the table's, else the word by which it gave itself away.
    pub name: String,
    /// Who runs it, where that is known.
    pub operator: Option<String>,
}

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BotsTable {
    version: String,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    known: BTreeMap<BotKind, BTreeMap<String, OneOrMore<Word>>>,
    #[serde(default)]
    words: BTreeMap<BotKind, Vec<Word>>,
    #[serde(default)]
    people: Vec<Word>,
    #[serde(default)]
    engines: Vec<Word>,
    #[serde(default)]
    devices: Vec<Word>,
}

impl Table for BotsTable {
    fn version(&self) -> &str {
        &self.version
    }

    fn replaces(&self) -> bool {
        self.replace
    }
}

/// The table, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Bots {
    known: Words<(BotKind, Option<String>)>,
    words: Words<BotKind>,
    people: Words<()>,
    engines: Words<()>,
    devices: Words<()>,
}

impl Bots {
    /// From the tables, the one looked at first in front.
    pub(crate) fn new(tables: Vec<BotsTable>) -> Self {
        let mut known = Vec::new();
        let mut words = Vec::new();
        let [mut people, mut engines, mut devices] = [const { Vec::new() }; 3];
        for table in tables {
            for (kind, operators) in table.known {
                for (operator, names) in operators {
                    let operator = (operator != "-").then_some(operator);
                    let names = names.0.into_iter();
                    known.extend(names.map(|name| (name, (kind, operator.clone()))));
                }
            }
            for (kind, told_by) in table.words {
                words.extend(told_by.into_iter().map(|word| (word, kind)));
            }
            people.extend(table.people.into_iter().map(|word| (word, ())));
            engines.extend(table.engines.into_iter().map(|word| (word, ())));
            devices.extend(table.devices.into_iter().map(|word| (word, ())));
        }
        Self {
            known: Words::new(known),
            words: Words::new(words),
            people: Words::new(people),
            engines: Words::new(engines),
            devices: Words::new(devices),
        }
    }

    /// The program behind an agent; none where it may be a person's browser or app.
    pub(crate) fn identify(&self, agent: &str) -> Option<Bot> {
        let agent = agent.trim();
        if agent.is_empty() || agent == "-" {
            return Some(bot(BotKind::Other, "no user agent"));
        }
        self.named(agent)
            .or_else(|| self.told(agent))
            .or_else(|| self.odd(agent))
    }

    fn named(&self, agent: &str) -> Option<Bot> {
        let (_, number, (kind, operator)) =
            self.known
                .all(agent)
                .max_by_key(|(range, number, (kind, _))| {
                    let particular = match kind {
                        BotKind::HttpLibrary => 0,
                        BotKind::Headless => 1,
                        _ => 2,
                    };
                    (particular, range.len(), std::cmp::Reverse(*number))
                })?;
        let name = self.known.word(number).text().trim_end_matches(['/', '-']);
        Some(Bot {
            kind: *kind,
            name: name.to_owned(),
            operator: operator.clone(),
        })
    }

    /// By a word that programs have in their names.
    fn told(&self, agent: &str) -> Option<Bot> {
        let mut innocent: Option<Vec<Range<usize>>> = None;
        let (range, _, kind) = self
            .words
            .all(agent)
            .filter(|(range, _, _)| {
                // Looked for only once a word is found: most agents have none.
                let innocent = innocent
                    .get_or_insert_with(|| self.people.all(agent).map(|(at, _, ())| at).collect());
                !innocent
                    .iter()
                    .any(|at| at.start < range.end && range.start < at.end)
            })
            .min_by_key(|(_, number, _)| *number)?;
        Some(bot(*kind, product(agent, range)))
    }

    /// By its shape: it leaves an address, or looks like no browser and no app.
    fn odd(&self, agent: &str) -> Option<Bot> {
        const ADDRESSES: [&str; 4] = ["http://", "https://", "www.", "@"];
        let lower = agent.to_ascii_lowercase();
        let address = ADDRESSES.iter().any(|mark| lower.contains(mark));
        let begins = lower.starts_with("mozilla/") || lower.starts_with("opera/");
        let compatible = lower.contains("(compatible;") && !self.engines.any(agent);
        let unlike = !begins && !self.devices.any(agent);
        (address || compatible || unlike).then(|| bot(BotKind::Other, first_product(agent)))
    }
}

fn bot(kind: BotKind, name: &str) -> Bot {
    Bot {
        kind,
        name: inert(name, 64),
        operator: None,
    }
}

/// The name around a word: letters, digits and what joins them.
fn product(agent: &str, word: Range<usize>) -> &str {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '!');
    let before = agent[..word.start].trim_end_matches(part).len();
    let after = agent.len() - agent[word.end..].trim_start_matches(part).len();
    agent[before..after].trim_matches(['.', '-', '_'])
}

/// What an agent calls itself: what follows "compatible;", else its first word.
fn first_product(agent: &str) -> &str {
    let own = match agent.to_ascii_lowercase().find("compatible;") {
        Some(at) => &agent[at + "compatible;".len()..],
        None => agent,
    };
    let own = own.trim_start();
    let end = own.find(['/', ';', ')', '(', ',']).unwrap_or(own.len());
    let own = own[..end].trim();
    if own.is_empty() { agent } else { own }
}
