//! The rules of this crate: tables in `services/web/` that people can read and
//! change, each parsed once into what answers fast.

use std::fmt::{self, Write as _};
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::agent::Agents;
use crate::bots::Bots;
use crate::channel::Channels;
use crate::class::{Points, Scanners};
use crate::content::Content;
use crate::text::inert;

/// Raise this where code classifies differently by the same tables.
const CODE: u32 = 1;

macro_rules! tables {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../services/web/", $name)))),+]
    };
}

/// The tables as compiled in.
const BUILT_IN: &[(&str, &str)] = tables![
    "bots.yaml",
    "agents.yaml",
    "scanners.yaml",
    "assistants.yaml",
    "search.yaml",
    "social.yaml",
    "spam.yaml",
    "channels.yaml",
    "content.yaml",
    "signals.yaml",
];

/// All rules, ready to be asked. Share one: it is some megabytes.
#[derive(Clone)]
pub struct Rules {
    pub(crate) bots: Bots,
    pub(crate) agents: Agents,
    pub(crate) scanners: Scanners,
    pub(crate) channels: Channels,
    pub(crate) content: Content,
    pub(crate) points: Points,
    version: String,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rules").field(&self.version).finish()
    }
}

/// Rules are the same where every letter of their tables is.
impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Eq for Rules {}

/// A table that cannot be used, by its place: `bots.yaml:12: known.search: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The key and what is wrong with it.
    pub reason: String,
    /// What the line can be found by.
    about: Option<String>,
}

impl RuleError {
    pub(crate) fn new(file: &str, reason: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            reason: reason.into(),
            about: None,
        }
    }

    /// An error about a text that stands somewhere in the table.
    pub(crate) fn about(file: &str, text: &str, reason: impl Into<String>) -> Self {
        Self {
            about: Some(text.to_owned()),
            ..Self::new(file, reason)
        }
    }

    /// The error with its line, where the text it is about is found.
    fn found_in(mut self, own: &[(&str, &str)]) -> Self {
        let Some(about) = self.about.take() else {
            return self;
        };
        self.line = own
            .iter()
            .filter(|(name, _)| *name == self.file)
            .find_map(|(_, text)| text.lines().position(|line| line.contains(&about)))
            .map(|line| line + 1);
        self
    }
}

/// A table as written, before it is made fast.
pub(crate) trait Table: DeserializeOwned {
    /// What its author calls this state of it.
    fn version(&self) -> &str;

    /// Whether it stands instead of the built-in one, not in front of it.
    fn replaces(&self) -> bool;
}

impl Rules {
    /// The rules as compiled in.
    ///
    /// # Panics
    /// Never: a test reads the tables.
    #[must_use]
    pub fn built_in() -> &'static Arc<Self> {
        static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
        RULES
            .get_or_init(|| Arc::new(Self::load(&[]).expect("a test reads the compiled-in tables")))
    }

    /// The rules with an operator's own tables, each a file name and its text.
    /// What is in them comes before what is built in, or stands instead of it
    /// (`replace: true`, as the built-in ones say: an edited copy is all there is).
    ///
    /// ```
    /// # use systemprompt_web::{BotKind, Rules};
    /// let own = "version: 2\nknown: {monitoring: {Us: [our-prober]}}";
    /// let rules = Rules::load(&[("bots.yaml", own)]).unwrap();
    /// assert_eq!(rules.bot("our-prober/1.0").unwrap().kind, BotKind::Monitoring);
    /// ```
    ///
    /// # Errors
    /// A table has another name, layout or value than it can have; the error
    /// names file, line and key.
    pub fn load(own: &[(&str, &str)]) -> Result<Self, RuleError> {
        for (name, _) in own {
            if !Self::names().any(|known| known == *name) {
                let known = Self::names().collect::<Vec<_>>().join(", ");
                let reason = format!("no table has this name; there are {known}");
                return Err(RuleError::new(name, reason));
            }
        }
        Self::read(own).map_err(|error| error.found_in(own))
    }

    fn read(own: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut source = Source::new(own);
        Ok(Self {
            bots: Bots::new(source.read("bots.yaml")?),
            agents: Agents::new(source.read("agents.yaml")?),
            scanners: Scanners::new(source.read("scanners.yaml")?),
            channels: Channels::new(
                [
                    source.read("assistants.yaml")?,
                    source.read("search.yaml")?,
                    source.read("social.yaml")?,
                ],
                source.read("spam.yaml")?,
                source.read("channels.yaml")?,
            )?,
            content: Content::new(source.read("content.yaml")?)?,
            points: Points::new(source.read("signals.yaml")?)?,
            version: source.version(),
        })
    }

    /// The file names of the tables.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The text of a built-in table, to start one's own from.
    #[must_use]
    pub fn text(name: &str) -> Option<&'static str> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(text)
    }

    /// What these rules are called: the newest version among the tables and
    /// eight digits that change with every letter of any of them. Stored with
    /// each session, so that a change shows which ones to classify again.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The tables' texts, and what is learned of their versions on reading.
struct Source<'a> {
    own: &'a [(&'a str, &'a str)],
    newest: String,
    hash: Sha256,
}

impl<'a> Source<'a> {
    fn new(own: &'a [(&'a str, &'a str)]) -> Self {
        let mut hash = Sha256::new();
        hash.update(CODE.to_be_bytes());
        Self {
            own,
            newest: String::new(),
            hash,
        }
    }

    /// The tables of one name, the operator's before the built-in one.
    fn read<T: Table>(&mut self, name: &str) -> Result<Vec<T>, RuleError> {
        let mut tables: Vec<T> = Vec::new();
        let texts = self.own.iter().chain(BUILT_IN);
        for (_, text) in texts.filter(|(known, _)| *known == name) {
            if tables.iter().any(Table::replaces) {
                break;
            }
            let table: T = parse(name, text)?;
            if table.version() > self.newest.as_str() {
                self.newest = inert(table.version(), 40);
            }
            self.hash.update((text.len() as u64).to_be_bytes());
            self.hash.update(text);
            tables.push(table);
        }
        Ok(tables)
    }

    fn version(self) -> String {
        let mut version = self.newest;
        version.push('-');
        for byte in &self.hash.finalize()[..4] {
            write!(version, "{byte:02x}").expect("text takes text");
        }
        version
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, RuleError> {
    serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|at| at.line());
        let reason = error.to_string();
        // The place is said in front.
        let reason = match reason.rfind(" at line ") {
            Some(at) if line.is_some() => reason[..at].to_owned(),
            _ => reason,
        };
        RuleError {
            file: name.to_owned(),
            line,
            reason,
            about: None,
        }
    })
}
