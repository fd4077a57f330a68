//! User activity: what people and agents did, in few enough words to be counted
//! and filtered. What must be proved belongs to the audit trail.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::reported::Source;

/// The longest [`Word`], in characters.
const LONGEST: usize = 32;

/// What kind of thing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Somebody signed in, or tried to.
    Login,
    /// Somebody signed out.
    Logout,
    /// Anything else about credentials: a token, a password, a second factor.
    Auth,
    /// A plugin, skill or agent of the marketplace was changed.
    MarketplaceEdit,
    /// A marketplace or plugin was connected or taken off.
    MarketplaceConnect,
    /// A skill ran.
    SkillUsage,
    /// Somebody asked something.
    Prompt,
    /// A tool ran.
    ToolUsage,
    /// A session began or ended.
    Session,
    /// A user was invited, changed or removed.
    UserManagement,
    /// Something went wrong.
    Error,
}

impl Category {
    /// Every category, in the order answers show them.
    pub const ALL: [Self; 11] = [
        Self::Login,
        Self::Logout,
        Self::Auth,
        Self::MarketplaceEdit,
        Self::MarketplaceConnect,
        Self::SkillUsage,
        Self::Prompt,
        Self::ToolUsage,
        Self::Session,
        Self::UserManagement,
        Self::Error,
    ];

    /// The name used in events, answers and the `category` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Auth => "auth",
            Self::MarketplaceEdit => "marketplace_edit",
            Self::MarketplaceConnect => "marketplace_connect",
            Self::SkillUsage => "skill_usage",
            Self::Prompt => "prompt",
            Self::ToolUsage => "tool_usage",
            Self::Session => "session",
            Self::UserManagement => "user_management",
            Self::Error => "error",
        }
    }

    /// The category of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A short word: a lower-case letter, then up to 31 lower-case letters, digits
/// and underscores. Counts are kept by words, so they must not be sentences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

/// A text that is no [`Word`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one word of up to {LONGEST} lower-case letters, digits and underscores that begins with a letter"
)]
pub struct InvalidWord;

impl Word {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Word {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let sound = text.len() <= LONGEST
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(inner);
        sound.then(|| Self(text.to_owned())).ok_or(InvalidWord)
    }
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Who did it, when, where.
    pub source: Source,
    /// What kind of thing.
    pub category: Category,
    /// What exactly: `created`, `executed`, `failed`.
    pub action: Word,
    /// What kind of thing it was done to: `plugin`, `skill`, `tool`.
    pub entity_type: Option<Word>,
    /// The name of what it was done to.
    pub entity_name: Option<String>,
    /// The session it belongs to.
    pub session_id: Option<String>,
    /// More about it, as the text of a JSON object.
    pub metadata: Option<String>,
}

impl Activity {
    /// Whether it counts as something that went wrong.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.category == Category::Error || self.action.as_str() == "failed"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn categories_are_found_by_their_names() {
        for category in Category::ALL {
            assert_eq!(Category::named(category.as_str()), Some(category));
        }
        assert_eq!(Category::named("Login"), None);
    }

    #[test]
    fn words_are_short_and_plain() {
        let long = "a".repeat(LONGEST);
        for good in ["failed", "a", "sign_in_2", long.as_str()] {
            assert!(good.parse::<Word>().is_ok(), "{good}");
        }
        let longer = "a".repeat(LONGEST + 1);
        for bad in [
            "",
            "Failed",
            "_a",
            "2fa",
            "a b",
            "a-b",
            "é",
            "a\0",
            longer.as_str(),
        ] {
            assert_eq!(bad.parse::<Word>(), Err(InvalidWord), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_word_stays_what_it_was(text in "\\PC{0,40}|[a-z0-9_]{0,40}") {
            if let Ok(word) = text.parse::<Word>() {
                prop_assert_eq!(word.as_str(), text);
            }
        }
    }
}
