//! Everything about web traffic that needs no database and no network: who a
//! visitor is, what a session is, where it came from, what was read. Pure: it
//! reads text and numbers that it is given; it knows no clock.
//!
//! | question | asked by |
//! |---|---|
//! | what the rules are | [`Rules::built_in`], [`Rules::load`] with an operator's own tables, [`Rules::version`] |
//! | what browser, system, device | [`Rules::agent`], [`Rules::agent_with`] and client [`Hints`] |
//! | which program, what for, whose | [`Rules::bot`] |
//! | which channel and source | [`Rules::attribute`] an [`Arrival`] |
//! | which country | [`Places::of`] |
//! | which visitor | [`VisitorId::new`], [`Visitor::new`] with yesterday's [`Salt`] too |
//! | which session | [`Sessions::assign`], [`Cut::joins`] |
//! | what class, and why | [`Rules::classify`] what was [`Observed`] → [`Verdict`] |
//! | what a request is for; a scan? | [`Rules::request`], [`Rules::is_scan`], [`Rules::is_refused`] |
//! | which page, which campaign | [`Page::parse`], [`page::path`] |
//! | which content | [`Rules::content`] |
//! | how a page was read | [`Rules::reading`] |
//! | up or down | [`trend()`] |
//! | what a tracker sent | [`beacon::parse`]; its fields are listed there |
//! | what a line of an access log says | [`log::parse`]; whole logs: [`Visits`] |
//!
//! Closed lists ([`Class`], [`BotKind`], [`Channel`], [`Device`], [`Reading`] …)
//! have `ALL`, `as_str`, `Display`, `FromStr` and serde by the same names.

mod agent;
pub mod beacon;
mod bots;
mod channel;
mod class;
mod content;
mod country;
mod hosts;
pub mod log;
mod names;
pub mod page;
mod rules;
mod sessions;
mod text;
mod trend;
mod visitor;
mod visits;
mod words;

pub use agent::{Agent, Device, Hints, Product};
pub use bots::{Bot, BotKind};
pub use channel::{Arrival, Attribution, Channel};
pub use class::{Browser, Class, Gaps, Headers, Observed, Signal, SignalId, Verdict, Weight};
pub use content::{ContentItem, PageReading, Reading, RequestKind};
pub use country::{Country, NoCountry, Place, Places, PlacesError};
pub use names::UnknownName;
pub use page::{Campaign, ClickId, Page};
pub use rules::{RuleError, Rules};
pub use sessions::{Cut, SessionNo, Sessions, Span};
pub use trend::{Direction, Trend, Views, trend};
pub use visitor::{Salt, Visitor, VisitorId, network};
pub use visits::{Visit, Visits};

impl Rules {
    /// Browser, system and device of a user agent.
    #[must_use]
    pub fn agent(&self, agent: &str) -> Agent {
        self.agents.read(agent)
    }

    /// Browser, system and device, where client hints were sent as well.
    #[must_use]
    pub fn agent_with(&self, agent: &str, hints: &Hints<'_>) -> Agent {
        self.agents.read_with(agent, hints)
    }

    /// The program behind a user agent; none where it may be a person's. Tools
    /// of intruders are none of these: see [`Self::tool`].
    #[must_use]
    pub fn bot(&self, agent: &str) -> Option<Bot> {
        if self.tool(agent).is_some() {
            return None;
        }
        self.bots.identify(agent)
    }

    /// The scanning tool that a user agent names.
    #[must_use]
    pub fn tool(&self, agent: &str) -> Option<&str> {
        self.scanners.tool(agent)
    }

    /// Where a session came from, by its first page view.
    #[must_use]
    pub fn attribute(&self, arrival: &Arrival<'_>) -> Attribution {
        self.channels.attribute(arrival)
    }

    /// A signal's points and what it can do; none for those without points.
    #[must_use]
    pub fn signal(&self, id: SignalId) -> Option<(u8, Weight)> {
        let rule = self.points.rule(id)?;
        Some((rule.points, rule.weight))
    }

    /// The score from which a session is a bot's.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.points.threshold()
    }

    /// What a request is for, by its target.
    #[must_use]
    pub fn request(&self, target: &str) -> RequestKind {
        self.content.kind(target)
    }

    /// Whether a request looks for what intruders look for and the site does
    /// not have. A use of the site's own routes never is.
    #[must_use]
    pub fn is_scan(&self, method: &str, target: &str, status: u16) -> bool {
        self.scanners.is_scan(method, target, status)
    }

    /// Whether a request for a page was refused as missing or wrong, in a way
    /// that counts against whoever asked.
    #[must_use]
    pub fn is_refused(&self, target: &str, status: u16) -> bool {
        self.scanners.is_missing(status) && !self.scanners.is_own(target)
    }

    /// The content behind a path.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<ContentItem> {
        self.content.item(path)
    }

    /// How a page view was read.
    #[must_use]
    pub fn reading(&self, seen: &PageReading) -> Reading {
        self.content.reading(seen)
    }
}
