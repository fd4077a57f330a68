//! Which web traffic a question is about.
#![allow(missing_docs)]

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Which traffic is counted: what matches every filter that is given.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct WebFilters {
    /// Whose traffic counts: that of people, of bots, all, or one class
    #[arg(long, value_enum, value_name = "CLASS", default_value_t)]
    #[serde(default)]
    pub class: Class,
    /// Only this site (can be repeated)
    #[arg(long = "site", value_name = "HOST")]
    #[serde(default, rename = "site")]
    pub sites: Vec<String>,
}

/// A class of sessions, or several.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Class {
    /// People, sessions with too little to say among them
    #[default]
    Human,
    /// Known bots, scanners and what behaves like bots
    Bots,
    /// Everything
    All,
    /// Bots that say who they are
    KnownBot,
    /// Whoever looks for weaknesses
    Scanner,
    /// What behaves like a bot
    BehavioralBot,
    /// One page and no sign of life
    Ghost,
    /// People who read, scrolled or clicked
    CleanHuman,
    /// Too little to say
    Unconfirmed,
}

impl Class {
    /// The stored classes it stands for; none for all.
    pub(crate) const fn stored(self) -> &'static [&'static str] {
        match self {
            Self::All => &[],
            Self::Human => &["clean_human", "unconfirmed"],
            Self::Bots => &["known_bot", "scanner", "behavioral_bot"],
            Self::KnownBot => &["known_bot"],
            Self::Scanner => &["scanner"],
            Self::BehavioralBot => &["behavioral_bot"],
            Self::Ghost => &["ghost"],
            Self::CleanHuman => &["clean_human"],
            Self::Unconfirmed => &["unconfirmed"],
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
