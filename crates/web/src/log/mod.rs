//! One line of an access log as a typed hit: Apache's and nginx's combined and
//! common formats, with or without the virtual host before them, and Caddy's
//! JSON. What each line is, it says itself.

mod caddy;
mod clock;
mod combined;

use std::borrow::Cow;
use std::net::IpAddr;

use time::OffsetDateTime;

/// One request, as a web server wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// When it came.
    pub at: OffsetDateTime,
    /// Who asked: an address, or a name where the server looked names up.
    pub client: Cow<'a, str>,
    /// The virtual host, if the format has it; lower case, without port.
    pub host: Option<Cow<'a, str>>,
    /// The method; empty where the request was no HTTP.
    pub method: Cow<'a, str>,
    /// The target as it was asked for, with its query.
    pub target: Cow<'a, str>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer, if any.
    pub bytes: Option<u64>,
    /// The referrer, if one was sent and the format has it.
    pub referrer: Option<Cow<'a, str>>,
    /// The user agent, if one was sent and the format has it.
    pub agent: Option<Cow<'a, str>>,
}

impl Hit<'_> {
    /// The client's address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.client.parse().ok()
    }
}

/// Why a line is no hit. Says what is missing, never what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing on the line.
    #[error("the line is empty")]
    Empty,
    /// Longer than [`LONGEST`].
    #[error("the line is longer than {LONGEST} bytes")]
    TooLong,
    /// A part is not there or not what it should be.
    #[error("no {0} where one should be")]
    No(&'static str),
    /// A line that starts with a brace and is not Caddy's JSON.
    #[error("not the JSON of an access log")]
    Json,
}

/// The longest line that is read, in bytes.
pub const LONGEST: usize = 64 * 1_024;

/// Reads one line.
///
/// # Errors
/// It is in none of the formats; the error says which part is missing.
pub fn parse(line: &str) -> Result<Hit<'_>, LineError> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() {
        return Err(LineError::Empty);
    }
    if line.len() > LONGEST {
        return Err(LineError::TooLong);
    }
    if line.starts_with('{') {
        caddy::parse(line)
    } else {
        combined::parse(line)
    }
}
