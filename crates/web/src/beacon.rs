//! What the tracker sends: page views and what was done on them, each field
//! within bounds and harmless to show.
//!
//! The body is one event or an array of at most [`MOST`] of them, at most
//! [`BODY`] bytes, JSON whatever the content type says. Fields not listed are
//! ignored, so that an older server understands a newer tracker.
//!
//! | key | meaning | bounds |
//! |---|---|---|
//! | `p` | page view: made by the browser, 8 to 36 of `[0-9A-Za-z_-]`; **needed** | refused |
//! | `n` | sequence number in that page view, from 0; **needed**. What came twice counts once | refused |
//! | `u` | the page's address, `location.href`; **needed** where `n` is 0 | cut at 2,048 characters |
//! | `r` | `document.referrer` | cut at 2,048 |
//! | `t` | `document.title` | cut at 512 |
//! | `e` | engaged milliseconds **since the last event** (visible and focused) | cut at 30 minutes |
//! | `d` | deepest scroll so far, per cent | cut at 100 |
//! | `c` | clicks since the last event | cut at 1,000 |
//! | `o` | outbound links followed since the last event: their addresses | first 10, 2,048 each |
//! | `k` | name of a key event (sign-up, download …) | cut at 50 |
//! | `s` | screen, `1920x1080` | dropped unless two numbers up to 32,768 |
//! | `l` | `navigator.language` | dropped unless up to 35 of `[0-9A-Za-z-]` |
//! | `v` | `document.visibilityState` is visible: 1 or 0 | anything else: dropped |
//! | `w` | automation says so itself (`navigator.webdriver`): 1 | anything else: dropped |
//!
//! Numbers may come as fractions; they are rounded down. There is no time
//! among the fields: clocks of browsers are wrong, an event happens when it
//! arrives.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use systemprompt_domain::json::Object;

use crate::text::inert;

/// The largest body, in bytes.
pub const BODY: usize = 16 * 1_024;
/// The most events in one body.
pub const MOST: usize = 50;

/// The longest address, in characters.
const ADDRESS: usize = 2_048;
/// The longest slice of engaged time: longer ones are a clock gone wrong.
const SLICE_MS: u32 = 30 * 60 * 1_000;

/// One event of a page view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beacon {
    /// The page view it belongs to, in the browser's own naming.
    pub page_view: String,
    /// Its number in that page view. The first is the view itself.
    pub sequence: u32,
    /// The page's address; there in the first event at least.
    pub url: Option<String>,
    /// Where the visitor came from.
    pub referrer: Option<String>,
    /// The page's title.
    pub title: Option<String>,
    /// Milliseconds engaged since the event before.
    pub engaged_ms: u32,
    /// The deepest scroll so far, 0 to 100.
    pub scroll: u8,
    /// Clicks since the event before.
    pub clicks: u16,
    /// Links to other sites followed since the event before.
    pub outbound: Vec<String>,
    /// A key event by its name.
    pub key_event: Option<String>,
    /// Width and height of the screen, in CSS pixels.
    pub screen: Option<(u16, u16)>,
    /// The browser's language.
    pub language: Option<String>,
    /// Whether the page was visible.
    pub visible: Option<bool>,
    /// The browser says that a program drives it.
    pub automated: bool,
}

impl Beacon {
    /// Whether this is the page view itself.
    #[must_use]
    pub const fn is_view(&self) -> bool {
        self.sequence == 0
    }

    /// Whether a person did something: the opposite of a view that nobody reads.
    #[must_use]
    pub const fn is_engagement(&self) -> bool {
        self.engaged_ms > 0 || self.clicks > 0 || self.key_event.is_some()
    }
}

/// Why a body is refused: short, and free of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// Answer 413.
    #[error("more than {BODY} bytes")]
    TooLarge,
    /// Answer 400.
    #[error("more than {MOST} events")]
    TooMany,
    /// Answer 400.
    #[error("not the JSON of a page view's events: line {line}, column {column}")]
    NotJson {
        /// The line where reading stopped, from 1.
        line: usize,
        /// The column.
        column: usize,
    },
    /// Answer 400.
    #[error("event {event}: {reason}")]
    Event {
        /// Which event of the body, from 1.
        event: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Reads a body.
///
/// # Errors
/// It is too large, has too many events, is not JSON, or an event lacks what it
/// needs. No event of a refused body counts.
pub fn parse(body: &[u8]) -> Result<Vec<Beacon>, BeaconError> {
    if body.len() > BODY {
        return Err(BeaconError::TooLarge);
    }
    let Sent(events) = serde_json::from_slice(body).map_err(|error| BeaconError::NotJson {
        line: error.line(),
        column: error.column(),
    })?;
    if events.len() > MOST {
        return Err(BeaconError::TooMany);
    }
    events
        .into_iter()
        .enumerate()
        .map(|(i, raw)| {
            raw.check().map_err(|reason| BeaconError::Event {
                event: i + 1,
                reason,
            })
        })
        .collect()
}

/// One event or several.
struct Sent(Vec<Raw>);

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Sent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event or an array of events")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Sent, A::Error> {
                let one = Raw::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Sent(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sent, A::Error> {
                let mut events = Vec::new();
                // One more than allowed is enough to know that there are too many.
                while events.len() <= MOST {
                    match seq.next_element()? {
                        Some(Object(event)) => events.push(event),
                        None => return Ok(Sent(events)),
                    }
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Sent(events))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// An event as it was sent. A field of a type it cannot have counts as absent:
/// one odd value costs that value, not the visit.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Raw {
    #[serde(deserialize_with = "lenient")]
    p: Option<String>,
    #[serde(deserialize_with = "lenient")]
    n: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    u: Option<String>,
    #[serde(deserialize_with = "lenient")]
    r: Option<String>,
    #[serde(deserialize_with = "lenient")]
    t: Option<String>,
    #[serde(deserialize_with = "lenient")]
    e: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    d: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    c: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    o: Option<Vec<serde_json::Value>>,
    #[serde(deserialize_with = "lenient")]
    k: Option<String>,
    #[serde(deserialize_with = "lenient")]
    s: Option<String>,
    #[serde(deserialize_with = "lenient")]
    l: Option<String>,
    #[serde(deserialize_with = "lenient")]
    v: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    w: Option<f64>,
}

fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    // Through a value: a string or a number that does not fit is skipped whole.
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

impl Raw {
    fn check(self) -> Result<Beacon, &'static str> {
        let page_view = self.p.ok_or("p, the page view, is missing")?;
        let named = (8..=36).contains(&page_view.len())
            && page_view
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !named {
            return Err("p, the page view, is not 8 to 36 letters, digits, _ or -");
        }
        let sequence = self
            .n
            .filter(|n| (0.0..=f64::from(u32::MAX)).contains(n))
            .ok_or("n, the sequence number, is missing or no number from 0 on")?;
        let sequence = whole(sequence, u32::MAX);
        let url = text(self.u, ADDRESS);
        if sequence == 0 && url.is_none() {
            return Err("u, the address, is missing in the first event of a page view");
        }
        let outbound = self.o.unwrap_or_default();
        let outbound = outbound.into_iter().take(10);
        Ok(Beacon {
            page_view,
            sequence,
            url,
            referrer: text(self.r, ADDRESS),
            title: text(self.t, 512),
            engaged_ms: self.e.map_or(0, |ms| whole(ms, SLICE_MS)),
            scroll: self.d.map_or(0, |scroll| whole(scroll, 100) as u8),
            clicks: self.c.map_or(0, |clicks| whole(clicks, 1_000) as u16),
            outbound: outbound
                .filter_map(|link| match link {
                    serde_json::Value::String(link) => text(Some(link), ADDRESS),
                    _ => None,
                })
                .collect(),
            key_event: text(self.k, 50),
            screen: self.s.as_deref().and_then(screen),
            language: self.l.filter(|language| is_language(language)),
            visible: match self.v {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
            automated: self.w == Some(1.0),
        })
    }
}

fn text(sent: Option<String>, most: usize) -> Option<String> {
    sent.map(|text| inert(&text, most))
        .filter(|text| !text.is_empty())
}

/// A number from 0 to `most`; what is outside is moved to the edge, and what is
/// no number at all is 0.
fn whole(number: f64, most: u32) -> u32 {
    number.clamp(0.0, f64::from(most)) as u32
}

/// Width and height, each from 1 to 32,768. Screens no display has are judged
/// elsewhere; they are facts about the browser.
fn screen(text: &str) -> Option<(u16, u16)> {
    let (width, height) = text.split_once('x')?;
    let side = |side: &str| {
        let digits = (1..=5).contains(&side.len()) && side.bytes().all(|b| b.is_ascii_digit());
        let side = digits.then(|| side.parse::<u16>().ok())??;
        (side <= 32_768).then_some(side)
    };
    Some((side(width)?, side(height)?))
}

fn is_language(text: &str) -> bool {
    (1..=35).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
