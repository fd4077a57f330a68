//! What comes to web sites: page views, what browsers report while a page is
//! looked at, and requests as servers see them. Nothing here holds an address.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// What one visitor did, as it was reported at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// When it arrived; of an imported line, when it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The site: its host without `www.` and port, in lower case.
    pub site: String,
    /// Who reports it.
    pub source: Source,
    /// The visitor; `None` for who asked not to be tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<Visitor>,
    /// The user agent, as it was sent; cut where it is very long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_agent: String,
    /// The preferred language, such as `de` or `pt-BR`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// The country, by its two letters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// The region, where the source of the country has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// What the headers were like, where they were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// What the browser says of itself beside its user agent.
    #[serde(default, skip_serializing_if = "Hints::is_empty")]
    pub hints: Hints,
    /// Width and height of the screen, in CSS pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<(u16, u16)>,
    /// The browser says that a program drives it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
    /// The site was asked for by its bare address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_address: bool,
    /// What was done, in order.
    pub events: Vec<WebEvent>,
}

/// Which headers a page or a report came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// Over HTTPS, where alone browsers send some of them.
    pub https: bool,
    /// `Accept-Language` was there.
    pub accept_language: bool,
    /// `Accept` was there.
    pub accept: bool,
    /// `Accept-Encoding` had gzip.
    pub gzip: bool,
    /// `Sec-Fetch-Site` was there.
    pub sec_fetch: bool,
    /// `Sec-CH-UA` was there.
    pub client_hints: bool,
    /// A report came with `Sec-Fetch-Mode: navigate`.
    pub navigating_beacon: bool,
}

/// Client hints, as they were sent; empty where one was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// `Sec-CH-UA`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub brands: String,
    /// `Sec-CH-UA-Mobile`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mobile: String,
    /// `Sec-CH-UA-Platform`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
}

impl Hints {
    /// Whether none was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who reports page views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The script in the page.
    Tracker,
    /// The picture in a page without scripts.
    Pixel,
    /// The web server.
    Server,
    /// An access log.
    Log,
}

impl Source {
    /// The name used in the `source` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tracker => "tracker",
            Self::Pixel => "pixel",
            Self::Server => "server",
            Self::Log => "log",
        }
    }
}

/// A visitor's hash under the salt of its day, and under that of the day before,
/// by which a visit that goes on past midnight is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Visitor {
    /// Of the day itself.
    pub today: Uuid,
    /// Of the day before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Uuid>,
}

/// One thing that happened on a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebEvent {
    /// A page came into view.
    View(PageView),
    /// A page was looked at for a while.
    Engagement(Engagement),
    /// A server answered a request.
    Hit(Hit),
}

/// A page came into view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    /// The view's own id, made by the browser.
    pub id: Uuid,
    /// The path, without query.
    pub path: String,
    /// What the query says of where the visit came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// Where the browser came from, as it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub referrer: String,
    /// The page's title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// A page was looked at for a while: what is new since the report before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagement {
    /// The page view.
    pub page_view: Uuid,
    /// The number of the report within its page view, from 1.
    pub seq: u32,
    /// The path, in case the view itself never arrives.
    pub path: String,
    /// Milliseconds in which the page was visible and had the focus.
    pub engaged_ms: u32,
    /// How far down the page was seen so far, 0 to 100.
    pub max_scroll: u8,
    /// Clicks.
    pub clicks: u32,
    /// Something that matters and was done: a sign-up, a download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_event: Option<String>,
    /// A link to another site that was followed, without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<String>,
}

/// A server answered a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The request's id; a repeat has the same.
    pub id: Uuid,
    /// The method.
    pub method: String,
    /// The path with its query, as it was asked for.
    pub target: String,
    /// Where the client came from, as it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub referrer: String,
    /// The status of the answer.
    pub status: u16,
}
