//! Who a session is: exactly one class, with every signal that was seen, its
//! points and its reason.

mod observed;
mod points;
mod scanners;
mod signals;

pub use self::observed::{Browser, Gaps, Headers, Observed};
pub(crate) use self::points::Points;
pub use self::points::{SignalId, Weight};
pub(crate) use self::scanners::Scanners;
pub use self::signals::Signal;
use crate::bots::Bot;
use crate::names::names;
use crate::rules::Rules;

names! {
    /// What a session is, the first that applies.
    pub enum Class {
        /// A program that says so.
        KnownBot = "known_bot",
        /// Somebody looking for holes.
        Scanner = "scanner",
        /// A program that does not say so but acts like one.
        BehavioralBot = "behavioral_bot",
        /// Came, and never did anything.
        Ghost = "ghost",
        /// A person.
        CleanHuman = "clean_human",
        /// Too little to say.
        Unconfirmed = "unconfirmed",
    }
}

impl Class {
    /// What traffic questions count by default: people, and those of whom too
    /// little is known to call them anything else.
    #[must_use]
    pub const fn is_human(self) -> bool {
        matches!(self, Self::CleanHuman | Self::Unconfirmed)
    }

    /// What traffic questions count as bots.
    #[must_use]
    pub const fn is_bot(self) -> bool {
        matches!(self, Self::KnownBot | Self::Scanner | Self::BehavioralBot)
    }
}

/// What a session is, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class.
    pub class: Class,
    /// The program, of a known bot.
    pub bot: Option<Bot>,
    /// Points of all signals that count, at most 100.
    pub score: u8,
    /// Every signal seen, those that do not count included.
    pub signals: Vec<Signal>,
    /// The rules that said so: [`Rules::version`].
    pub rules: String,
}

impl Rules {
    /// Says what a session is.
    ///
    /// ```
    /// # use systemprompt_web::{Class, Observed, Rules};
    /// let seen = Observed { agent: "GPTBot/1.2 (+https://openai.com/gptbot)", pages: 3, ..Observed::default() };
    /// let verdict = Rules::built_in().classify(&seen);
    /// assert_eq!(verdict.class, Class::KnownBot);
    /// assert_eq!(verdict.bot.unwrap().operator.as_deref(), Some("OpenAI"));
    /// ```
    #[must_use]
    pub fn classify(&self, seen: &Observed<'_>) -> Verdict {
        let tool = self.scanners.tool(seen.agent);
        let bot = if tool.is_some() {
            None
        } else {
            self.bots.identify(seen.agent)
        };
        let signals = self.signals(seen, tool);
        let score = self.points.score(&signals);
        let scans = signals.iter().any(|signal| signal.id.is_scan());
        let class = if bot.is_some() {
            Class::KnownBot
        } else if scans {
            Class::Scanner
        } else if score >= self.points.threshold() {
            Class::BehavioralBot
        } else if self.points.is_ghost(seen) {
            Class::Ghost
        } else if seen.is_engaged() || seen.is_rendered() {
            Class::CleanHuman
        } else {
            Class::Unconfirmed
        };
        Verdict {
            class,
            bot,
            score,
            signals,
            rules: self.version().to_owned(),
        }
    }
}
