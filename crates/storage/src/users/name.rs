//! What a user is called and may do.

use std::fmt;
use std::str::FromStr;

/// The most characters of a name: as many as an e-mail address can have.
const LONGEST: usize = 254;

/// A user's name or e-mail address, in lower case: people are not asked to
/// remember how they wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// Why a text is no user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name has letters, digits and . - _ + @, and at most {LONGEST} characters")]
pub struct NameError;

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.trim().to_lowercase();
        let fits = (1..=LONGEST).contains(&name.chars().count());
        let plain = |c: char| c.is_alphanumeric() || ".-_+@".contains(c);
        if fits && name.chars().all(plain) {
            Ok(Self(name))
        } else {
            Err(NameError)
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// See and change everything.
    Admin,
    /// See everything.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Viewer];

    /// The role as people and the database write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// Reads a role: what is no admin may only see.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text == Self::Admin.as_str() {
            Self::Admin
        } else {
            Self::Viewer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_at_the_edge() {
        let name = |text: &str| text.parse::<UserName>().map(|name| name.0);
        assert_eq!(
            name(" Jörg+ops@Example.com "),
            Ok("jörg+ops@example.com".into())
        );
        for bad in [
            "",
            " ",
            "a b",
            "<b>",
            "a\u{202e}b",
            "a\nb",
            "a\0",
            "a'b",
            &"x".repeat(255),
        ] {
            assert_eq!(name(bad), Err(NameError), "{bad:?}");
        }
    }
}
