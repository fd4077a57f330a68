//! The text of an event, as it is stored and hashed.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::canon;

/// The version of the text's format, its member `v`.
pub const VERSION: u64 = 1;

/// One event: what the columns of `audit_events` say, but for its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its id, a `UUIDv7` made when the event was recorded.
    pub id: Uuid,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Its category, such as `administration`.
    pub category: &'a str,
    /// What happened, such as `config_changed`.
    pub event: &'a str,
    /// `success`, `failure`, `denied` or `pending`.
    pub outcome: &'a str,
    /// The user who did it.
    pub user: Option<&'a str>,
    /// The agent that did it.
    pub agent: Option<&'a str>,
    /// The name of the token that was used.
    pub token: Option<&'a str>,
    /// The trace it belongs to.
    pub trace: Option<Uuid>,
    /// What it is about.
    pub subject: Option<Uuid>,
    /// How its subject ended, where outcomes are too coarse.
    pub state: Option<&'a str>,
    /// What else is to say, as canonical JSON.
    pub detail: Option<&'a str>,
    /// SHA-256 of the row that tells the whole, where there is one.
    pub digest: Option<[u8; 32]>,
}

impl Event<'_> {
    /// Appends the canonical text: the members in the order of their keys;
    /// those that are absent are left out.
    pub fn write(&self, out: &mut String) {
        out.push('{');
        if let Some(agent) = self.agent {
            out.push_str("\"agent\":");
            canon::string(out, agent);
            out.push(',');
        }
        out.push_str("\"at\":");
        canon::time(out, self.at);
        text(out, ",\"category\":", Some(self.category));
        if let Some(detail) = self.detail {
            out.push_str(",\"detail\":");
            out.push_str(detail);
        }
        if let Some(digest) = &self.digest {
            out.push_str(",\"digest\":\"");
            hex(out, digest);
            out.push('"');
        }
        text(out, ",\"event\":", Some(self.event));
        id(out, ",\"id\":\"", Some(self.id));
        text(out, ",\"outcome\":", Some(self.outcome));
        text(out, ",\"state\":", self.state);
        id(out, ",\"subject\":\"", self.subject);
        text(out, ",\"token\":", self.token);
        id(out, ",\"trace\":\"", self.trace);
        text(out, ",\"user\":", self.user);
        out.push_str(",\"v\":1}");
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(512);
        self.write(&mut out);
        out
    }

    /// The first member in which a text, already read, says something else.
    pub(crate) fn differs_from(&self, body: &Map<String, Value>) -> String {
        let Ok(own) = serde_json::from_str::<Map<String, Value>>(&self.text()) else {
            // All else is escaped as it is written.
            return "detail".to_owned();
        };
        let mut keys: Vec<_> = own.keys().chain(body.keys()).collect();
        keys.sort_unstable();
        let mut differing = keys
            .into_iter()
            .filter(|key| own.get(*key) != body.get(*key));
        differing.next().cloned().unwrap_or_default()
    }
}

fn text(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.push_str(key);
        canon::string(out, value);
    }
}

fn id(out: &mut String, key: &str, id: Option<Uuid>) {
    if let Some(id) = id {
        out.push_str(key);
        out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        out.push('"');
    }
}

fn hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 0xf)]);
    }
}
