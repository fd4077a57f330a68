//! Access tokens: what they may do, and their text, which says what it is for and
//! can be told from a typing error without a database.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Report what happened elsewhere.
    Ingest,
    /// Send AI requests through the gateway.
    Gateway,
    /// Ask questions.
    Read,
    /// Ask questions as an agent, about itself.
    Mcp,
    /// Everything.
    Admin,
}

impl Scope {
    /// Every scope, in the order answers show them.
    pub const ALL: [Self; 5] = [
        Self::Ingest,
        Self::Gateway,
        Self::Read,
        Self::Mcp,
        Self::Admin,
    ];

    /// The name used in configuration and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Gateway => "gateway",
            Self::Read => "read",
            Self::Mcp => "mcp",
            Self::Admin => "admin",
        }
    }

    /// Whether holding `self` allows what `wanted` covers. Who may ask everything
    /// may also ask as agents do.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted || self == Self::Admin || (self == Self::Read && wanted == Self::Mcp)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token is for; its text begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum TokenKind {
    /// Services that report events.
    #[serde(rename = "ing")]
    Ingest,
    /// Clients of the gateway.
    #[serde(rename = "gw")]
    Gateway,
    /// Readers of answers.
    #[serde(rename = "rd")]
    Read,
    /// One agent: the gateway, and what concerns itself.
    #[serde(rename = "agt")]
    Agent,
    /// Administrators.
    #[serde(rename = "adm")]
    Admin,
}

impl TokenKind {
    /// Every kind, in the order answers show them.
    pub const ALL: [Self; 5] = [
        Self::Ingest,
        Self::Gateway,
        Self::Read,
        Self::Agent,
        Self::Admin,
    ];

    /// The name used in the text and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ing",
            Self::Gateway => "gw",
            Self::Read => "rd",
            Self::Agent => "agt",
            Self::Admin => "adm",
        }
    }

    /// What tokens of this kind may do.
    #[must_use]
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Ingest => &[Scope::Ingest],
            Self::Gateway => &[Scope::Gateway],
            Self::Read => &[Scope::Read],
            Self::Agent => &[Scope::Gateway, Scope::Mcp],
            Self::Admin => &[Scope::Admin],
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of a list of names.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is none of {1}")]
pub struct UnknownName(String, String);

fn named<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, UnknownName> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        UnknownName(text.to_owned(), names.join(", "))
    })
}

impl FromStr for Scope {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(&Self::ALL, Self::as_str, text)
    }
}

impl FromStr for TokenKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(&Self::ALL, Self::as_str, text)
    }
}

/// Characters of the random part: 178 bits, of which [`VISIBLE`] characters are
/// shown.
const RANDOM: usize = 30;
/// Characters of the check: a CRC-32 needs no more.
const CHECK: usize = 6;
/// Characters of the random part that lists show.
const VISIBLE: usize = 8;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text of a token: `sp_<kind>_<30 random characters><6 characters of check>`.
/// `Debug` hides what must stay secret; only [`TokenText::expose`] gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText {
    kind: TokenKind,
    text: String,
}

impl TokenText {
    /// The token that these random bytes make.
    #[must_use]
    pub fn new(kind: TokenKind, mut random: [u8; 32]) -> Self {
        let mut text = format!("sp_{kind}_");
        // 256 bits are so much more than thirty digits that no digit is favoured.
        for _ in 0..RANDOM {
            let digit = divide(&mut random);
            text.push(digit);
        }
        let check = check(&text);
        text.push_str(&check);
        Self { kind, text }
    }

    /// What it says that it is for. Only the database knows what it may do.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The text itself. Never log it, never store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The part that may be shown, to tell tokens apart: eight characters.
    #[must_use]
    pub fn visible(&self) -> &str {
        let start = self.text.len() - CHECK - RANDOM;
        &self.text[start..start + VISIBLE]
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sp_{}_{}…", self.kind, self.visible())
    }
}

/// A text that is no token, or not a whole one.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is no systemprompt token: it is incomplete or mistyped")]
pub struct InvalidToken;

impl FromStr for TokenText {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let (kind, secret) = text
            .strip_prefix("sp_")
            .and_then(|rest| rest.split_once('_'))
            .ok_or(InvalidToken)?;
        let kind = kind.parse().map_err(|_| InvalidToken)?;
        let sound = secret.len() == RANDOM + CHECK
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (checked, stated) = text
            .split_at_checked(text.len().saturating_sub(CHECK))
            .ok_or(InvalidToken)?;
        if !sound || check(checked) != stated {
            return Err(InvalidToken);
        }
        let text = text.to_owned();
        Ok(Self { kind, text })
    }
}

/// Divides a number by 62; the remainder as a digit.
fn divide(number: &mut [u8]) -> char {
    let mut rest = 0_u32;
    for byte in number {
        let part = rest << 8 | u32::from(*byte);
        *byte = u8::try_from(part / 62).expect("the remainder before was below 62");
        rest = part % 62;
    }
    char::from(BASE62[rest as usize])
}

/// The CRC-32 of a text in base 62, the highest digit first.
fn check(text: &str) -> String {
    let mut crc = crc32(text.as_bytes()).to_be_bytes();
    let digits: Vec<char> = (0..CHECK).map(|_| divide(&mut crc)).collect();
    digits.into_iter().rev().collect()
}

/// CRC-32 as in zip and PNG. Bit by bit: the text is short.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ ((crc & 1) * 0xedb8_8320)
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(kind: usize, random: [u8; 32]) -> TokenText {
        TokenText::new(TokenKind::ALL[kind], random)
    }

    #[test]
    fn the_check_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let zero = TokenText::new(TokenKind::Gateway, [0; 32]);
        assert!(
            zero.expose()
                .starts_with("sp_gw_000000000000000000000000000000")
        );
        assert_eq!(zero.expose().len(), "sp_gw_".len() + 36);
    }

    #[test]
    fn only_the_visible_part_is_shown() {
        let token = TokenText::new(TokenKind::Agent, [7; 32]);
        let shown = format!("{token:?}");
        assert_eq!(shown, format!("sp_agt_{}…", token.visible()));
        assert_eq!(token.visible().len(), 8);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in TokenKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert!(Scope::Admin.covers(scope));
            let reads = matches!(scope, Scope::Read | Scope::Mcp);
            assert_eq!(Scope::Read.covers(scope), reads, "{scope}");
        }
        let error = "gateway".parse::<TokenKind>().expect_err("no kind");
        assert_eq!(
            error.to_string(),
            "\"gateway\" is none of ing, gw, rd, agt, adm"
        );
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_made(kind in 0..5_usize, random: [u8; 32]) {
            let token = token(kind, random);
            prop_assert_eq!(token.expose().parse(), Ok(token));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(sp_)?(gw|rd|agt|\\PC{0,3})?_?\\PC{0,48}") {
            let _ = text.parse::<TokenText>();
        }

        #[test]
        fn one_wrong_character_is_noticed(
            kind in 0..5_usize, random: [u8; 32], at: prop::sample::Index, other in "[0-9A-Za-z_]",
        ) {
            let token = token(kind, random);
            let mut text = token.expose().to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &other);
            prop_assert_eq!(text.parse::<TokenText>().is_ok(), text == token.expose());
        }

        #[test]
        fn a_part_is_no_token(kind in 0..5_usize, random: [u8; 32], length in 0..42_usize) {
            let token = token(kind, random);
            let part = token.expose().get(..length).unwrap_or_default();
            prop_assert_eq!(part.parse::<TokenText>(), Err(InvalidToken));
        }
    }
}
