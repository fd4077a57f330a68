//! What a user agent says of the machine in front of a person: device, browser
//! and system. Client hints, where sent, know better.

mod hints;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::hints::Hints;
use crate::names::names;
use crate::rules::Table;
use crate::words::{OneOrMore, Word, Words};

names! {
    /// What kind of machine.
    pub enum Device {
        /// A computer with a keyboard.
        Desktop = "desktop",
        /// A phone.
        Mobile = "mobile",
        /// A tablet.
        Tablet = "tablet",
        /// A television.
        Tv = "tv",
        /// A game console.
        Console = "console",
        /// A watch.
        Watch = "watch",
        /// The agent does not say.
        Other = "other",
    }
}

/// A browser or a system, by its name and, where it is told, its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// As the tables call it.
    pub name: String,
    /// Numbers and dots.
    pub version: Option<String>,
}

impl Product {
    /// The first number of its version.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        self.version.as_deref()?.split('.').next()?.parse().ok()
    }
}

/// What a user agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The kind of machine.
    pub device: Device,
    /// The browser.
    pub browser: Option<Product>,
    /// The operating system.
    pub os: Option<Product>,
}

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentsTable {
    version: String,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    browsers: Vec<Entry>,
    #[serde(default)]
    systems: Vec<Entry>,
    #[serde(default)]
    devices: Vec<DeviceEntry>,
    #[serde(default)]
    brands: BTreeMap<String, String>,
    #[serde(default)]
    platforms: BTreeMap<String, String>,
}

impl Table for AgentsTable {
    fn version(&self) -> &str {
        &self.version
    }

    fn replaces(&self) -> bool {
        self.replace
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    word: OneOrMore<Word>,
    /// Words that the version follows; by default the word found.
    version_after: Option<OneOrMore<Word>>,
    /// A text without which the word means nothing.
    needs: Option<String>,
    /// What versions are called.
    #[serde(default)]
    versions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceEntry {
    kind: Device,
    word: OneOrMore<Word>,
    /// A text without which the word means nothing.
    needs: Option<String>,
}

/// What a word of the table stands for.
#[derive(Clone, Debug)]
struct Meaning {
    name: String,
    version_after: Vec<String>,
    needs: Option<String>,
    versions: BTreeMap<String, String>,
}

/// The table, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    browsers: Words<usize>,
    systems: Words<usize>,
    devices: Words<(Device, Option<String>)>,
    browser: Vec<Meaning>,
    system: Vec<Meaning>,
    brands: BTreeMap<String, String>,
    platforms: BTreeMap<String, String>,
}

impl Agents {
    pub(crate) fn new(tables: Vec<AgentsTable>) -> Self {
        let [mut browsers, mut systems] = [const { Vec::new() }; 2];
        let mut devices = Vec::new();
        let [mut brands, mut platforms] = [const { BTreeMap::new() }; 2];
        for table in tables {
            browsers.extend(table.browsers);
            systems.extend(table.systems);
            for entry in table.devices {
                let meaning = (entry.kind, entry.needs);
                let words = entry.word.0.into_iter();
                devices.extend(words.map(|word| (word, meaning.clone())));
            }
            for (mine, theirs) in [
                (&mut brands, table.brands),
                (&mut platforms, table.platforms),
            ] {
                for (key, value) in theirs {
                    mine.entry(key).or_insert(value);
                }
            }
        }
        let (browsers, browser) = meanings(browsers);
        let (systems, system) = meanings(systems);
        Self {
            browsers,
            systems,
            devices: Words::new(devices),
            browser,
            system,
            brands,
            platforms,
        }
    }

    pub(crate) fn read(&self, agent: &str) -> Agent {
        Agent {
            device: self
                .devices
                .all(agent)
                .filter(|(_, _, (_, needs))| is_there(agent, needs.as_deref()))
                .min_by_key(|(_, number, _)| *number)
                .map_or(Device::Other, |(_, _, (device, _))| *device),
            browser: find(&self.browsers, &self.browser, agent),
            os: find(&self.systems, &self.system, agent),
        }
    }
}

fn meanings(entries: Vec<Entry>) -> (Words<usize>, Vec<Meaning>) {
    let mut words = Vec::new();
    let mut meanings = Vec::new();
    for entry in entries {
        let number = meanings.len();
        words.extend(entry.word.0.into_iter().map(|word| (word, number)));
        let after = entry.version_after.map(|after| after.0).unwrap_or_default();
        meanings.push(Meaning {
            name: entry.name,
            version_after: after.iter().map(|word| word.text().to_owned()).collect(),
            needs: entry.needs,
            versions: entry.versions,
        });
    }
    (Words::new(words), meanings)
}

/// Whether what a word needs beside it is there.
fn is_there(agent: &str, needs: Option<&str>) -> bool {
    needs.is_none_or(|needs| agent.contains(needs))
}

fn find(words: &Words<usize>, meanings: &[Meaning], agent: &str) -> Option<Product> {
    let (range, _, meaning) = words
        .all(agent)
        .filter(|(_, _, meaning)| is_there(agent, meanings[**meaning].needs.as_deref()))
        // Of several words of one entry, the longest: "Windows NT" over "Windows".
        .min_by_key(|(range, _, meaning)| (**meaning, std::cmp::Reverse(range.len())))?;
    let meaning = &meanings[*meaning];
    let version = if meaning.version_after.is_empty() {
        version(&agent[range.end..])
    } else {
        let mut words = meaning.version_after.iter();
        words.find_map(|word| version_after(agent, word))
    };
    let version = version.map(|version| meaning.versions.get(&version).cloned().unwrap_or(version));
    Some(Product {
        name: meaning.name.clone(),
        version,
    })
}

/// The version that follows a word, wherever one does.
fn version_after(agent: &str, word: &str) -> Option<String> {
    agent
        .match_indices(word)
        .find_map(|(at, _)| version(&agent[at + word.len()..]))
}

/// The version at the start of a text: `/120.0.1`, ` 10_15_7`, `:4.0`.
fn version(text: &str) -> Option<String> {
    let text = text
        .strip_prefix(['/', ' ', ':', '_', '-', '='])
        .unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_'))
        .unwrap_or(text.len());
    let version = text[..end].trim_matches(['.', '_']);
    let fits = version.starts_with(|c: char| c.is_ascii_digit()) && version.len() <= 32;
    fits.then(|| version.replace('_', "."))
}
