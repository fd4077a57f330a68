//! What is told that is no alert: what a job found or wrote, in a few lines.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::escape::{self, one_line};
use crate::message::Message;

/// Discord's limits, in UTF-16 units, which no text has more of than bytes.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1_024;
/// All texts of all embeds together; a little is left for the footer.
const TOGETHER: usize = 5_900;

/// Something that is no alert: a report, or what a check found. Names in it come
/// from users; each channel makes them harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Stays the same however often it is sent: receivers know duplicates by it.
    pub id: Uuid,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who tells it: the job's name.
    pub notice: String,
    /// What it is about, in a line.
    pub title: String,
    /// The rest in a sentence or two.
    pub summary: String,
    /// Figures, by name.
    pub facts: Vec<(String, String)>,
    /// Whether somebody should look at it.
    pub warning: bool,
}

impl Notice {
    /// One line: what it is about.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("systemprompt: {}", one_line(&self.title))
    }

    /// The whole notice for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}.\n", one_line(&self.title));
        if !self.summary.is_empty() {
            text.push_str(&format!("\n{}\n", self.summary));
        }
        if !self.facts.is_empty() {
            text.push('\n');
        }
        for (name, value) in &self.facts {
            text.push_str(&format!("{}: {}\n", one_line(name), one_line(value)));
        }
        text.trim_end().to_owned()
    }

    /// As Discord takes it: one embed within its limits, which mentions nobody.
    pub(crate) fn discord(&self) -> Value {
        let mut left = TOGETHER;
        let mut fit = |text: &str, limit: usize| {
            let fitting = cut(text, limit.min(left));
            left -= units(&fitting);
            fitting
        };
        let title = fit(&one_line(&self.title), TITLE);
        let description = fit(&self.summary, DESCRIPTION);
        let mut fields = Vec::new();
        for (name, value) in self.facts.iter().take(FIELDS) {
            let name = fit(&one_line(name), FIELD_NAME);
            let value = fit(&one_line(value), FIELD_VALUE);
            // A field without a value is refused with all the others.
            if name.is_empty() || value.is_empty() {
                break;
            }
            fields.push(json!({ "name": name, "value": value, "inline": true }));
        }
        json!({
            "content": "",
            "embeds": [{
                "title": title,
                "description": description,
                "color": if self.warning { 0xf0_ad_4e } else { 0x5b_8d_ef },
                "fields": fields,
                "timestamp": self.at.format(&Rfc3339).ok(),
            }],
            "allowed_mentions": { "parse": [] },
        })
    }
}

/// What a channel is to tell.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A threshold was reached.
    Alert(&'a Message),
    /// Anything else.
    Notice(&'a Notice),
}

impl<'a> From<&'a Message> for Told<'a> {
    fn from(message: &'a Message) -> Self {
        Self::Alert(message)
    }
}

impl<'a> From<&'a Notice> for Told<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self::Notice(notice)
    }
}

impl Told<'_> {
    pub(crate) const fn id(&self) -> Uuid {
        match self {
            Self::Alert(message) => message.id,
            Self::Notice(notice) => notice.id,
        }
    }

    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Alert(message) => message.subject(),
            Self::Notice(notice) => notice.subject(),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Alert(message) => message.text(),
            Self::Notice(notice) => notice.text(),
        }
    }
}

/// Something to tell, as it waits for its delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Waiting {
    /// A threshold was reached.
    Alert(Message),
    /// Anything else.
    Notice(Notice),
}

impl Waiting {
    /// What a channel is to tell.
    #[must_use]
    pub const fn told(&self) -> Told<'_> {
        match self {
            Self::Alert(message) => Told::Alert(message),
            Self::Notice(notice) => Told::Notice(notice),
        }
    }
}

/// Text that formats and mentions nothing on Discord, cut to a length. A mark and
/// the backslash before it are not parted.
fn cut(text: &str, limit: usize) -> String {
    let whole = escape::discord(text);
    if units(&whole) <= limit {
        return whole;
    }
    let mut fitting = String::new();
    let mut length = 1;
    for c in text.chars() {
        let escaped = escape::discord(c.encode_utf8(&mut [0; 4]));
        length += units(&escaped);
        if length > limit {
            break;
        }
        fitting.push_str(&escaped);
    }
    if limit > 0 {
        fitting.push('…');
    }
    fitting
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_it_says_discord_takes_it() {
        for hostile in ["*@everyone <@1> ", "😀", "\u{202e}\r\n`", "a"] {
            let long = hostile.repeat(3_000);
            let notice = Notice {
                id: Uuid::nil(),
                at: OffsetDateTime::UNIX_EPOCH,
                notice: "daily_traffic_report".to_owned(),
                title: long.clone(),
                summary: long.clone(),
                facts: vec![(long.clone(), long.clone()); 40],
                warning: false,
            };
            let body = notice.discord();
            let embed = &body["embeds"][0];
            let length = |value: &Value| value.as_str().map_or(0, units);
            assert!(length(&embed["title"]) <= 256, "{embed}");
            assert!(length(&embed["description"]) <= 4_096, "{embed}");
            let fields = embed["fields"].as_array().expect("fields");
            assert!(fields.len() <= 25);
            let mut all = length(&embed["title"]) + length(&embed["description"]);
            for field in fields {
                let (name, value) = (length(&field["name"]), length(&field["value"]));
                assert!((1..=256).contains(&name) && (1..=1_024).contains(&value));
                all += name + value;
            }
            assert!(all <= 6_000, "{all}");
            assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
            assert!(!body.to_string().contains("@everyone"), "{body}");
            assert!(!body.to_string().contains("<@1"), "{body}");
        }
    }
}
