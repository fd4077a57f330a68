//! The rules of web traffic, applied to what is stored.

use std::sync::{Arc, PoisonError, RwLock};

use systemprompt_domain::web::Hit;
use systemprompt_web::{Arrival, Hints, PageReading, RequestKind, Rules, page};
use time::{Duration, OffsetDateTime};

use super::facts::Engaged;
use super::session::{Session, Signal, View};

/// Says what sessions, requests and page views are.
#[derive(Clone, Debug)]
pub struct Judge {
    rules: Arc<Rules>,
}

/// The rules that a writer judges by, to replace them while it runs: those that are
/// compiled in, unless others are. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct JudgeInForce(Arc<RwLock<Option<Judge>>>);

impl JudgeInForce {
    /// Judges by these rules until they are replaced.
    #[must_use]
    pub fn new(judge: Judge) -> Self {
        Self(Arc::new(RwLock::new(Some(judge))))
    }

    /// By what is judged now.
    #[must_use]
    pub fn current(&self) -> Judge {
        let judge = self.0.read().unwrap_or_else(PoisonError::into_inner);
        judge.clone().unwrap_or_else(Judge::built_in)
    }

    /// Puts others in their place: what is stored from now on is judged by these.
    pub fn replace(&self, judge: Judge) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(judge);
    }
}

/// A text, where there is one.
fn sent(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// What a request was for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) kind: RequestKind,
    /// The path in its one spelling.
    pub(super) path: String,
    /// Whether it was a page, and was shown.
    pub(super) counted: bool,
    /// Whether it looked for what intruders look for.
    pub(super) scan: bool,
    /// Whether it was a page that is not there.
    pub(super) refused: bool,
}

impl Judge {
    /// Judges by the rules that are compiled in.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(Arc::clone(Rules::built_in()))
    }

    /// Judges by these rules.
    #[must_use]
    pub const fn new(rules: Arc<Rules>) -> Self {
        Self { rules }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What a request was for.
    pub(super) fn asked(&self, hit: &Hit) -> Asked {
        let kind = self.rules.request(&hit.target);
        let shown = matches!(hit.status, 200..=299 | 304) && matches!(&*hit.method, "GET" | "HEAD");
        Asked {
            kind,
            path: page::path(&hit.target),
            counted: shown && kind == RequestKind::Page,
            scan: self.rules.is_scan(&hit.method, &hit.target, hit.status),
            refused: self.rules.is_refused(&hit.target, hit.status),
        }
    }

    /// Says what a session is that may still go on.
    pub(super) fn judge(&self, session: &mut Session, now: OffsetDateTime) {
        self.describe(session);
        self.classify(session, now - session.last_seen_at);
    }

    /// Says what a session is that is over.
    pub(super) fn close(&self, session: &mut Session) {
        self.describe(session);
        self.classify(session, Duration::DAY);
    }

    /// What the user agent and the first page tell.
    fn describe(&self, session: &mut Session) {
        let facts = &session.facts;
        if session.device.is_empty() {
            let hints = Hints {
                brands: sent(&facts.hints.brands),
                mobile: sent(&facts.hints.mobile),
                platform: sent(&facts.hints.platform),
                ..Hints::default()
            };
            let agent = self.rules.agent_with(&session.user_agent, &hints);
            session.device = agent.device.as_str().to_owned();
            session.browser = agent
                .browser
                .map(|product| product.name)
                .unwrap_or_default();
            session.os = agent.os.map(|product| product.name).unwrap_or_default();
        }
        let arrival = facts.arrival.as_ref();
        let attribution = self.rules.attribute(&Arrival {
            url: arrival.map_or("", |arrival| &arrival.url),
            referrer: arrival.and_then(|arrival| sent(&arrival.referrer)),
            own_hosts: std::slice::from_ref(&session.site),
        });
        session.channel = attribution.channel.as_str().to_owned();
        session.source = attribution.source.unwrap_or_default();
        session.referrer = attribution.referrer_host.unwrap_or_default();
        session.campaign = attribution.campaign.campaign.unwrap_or_default();
        if session.facts.one_too_many {
            session.forget_source();
        }
    }

    fn classify(&self, session: &mut Session, silent: Duration) {
        let engaged = Engaged {
            ms: u64::try_from(session.engaged_ms).unwrap_or_default(),
            clicks: u32::try_from(session.clicks).unwrap_or_default(),
            max_scroll: session
                .max_scroll
                .and_then(|scroll| u8::try_from(scroll).ok())
                .unwrap_or_default(),
        };
        let observed = session.facts.observed(&session.user_agent, engaged, silent);
        let verdict = self.rules.classify(&observed);
        let signals = verdict.signals.into_iter().map(|signal| Signal {
            signal: signal.id.as_str().to_owned(),
            points: signal.points.into(),
            reason: signal.reason,
        });
        let signals = signals.collect();
        session.class = verdict.class.as_str().to_owned();
        session.score = verdict.score.into();
        session.rule_version = verdict.rules;
        session.signals = signals;
        let (kind, name, operator) = match verdict.bot {
            Some(bot) => {
                let operator = bot.operator.unwrap_or_else(|| bot.name.clone());
                (bot.kind.as_str().to_owned(), bot.name, operator)
            }
            None => Default::default(),
        };
        session.bot_kind = kind;
        session.bot_name = name;
        session.bot_operator = operator;
    }

    /// How a page was read; empty where nothing is known of that.
    pub(super) fn pattern(&self, view: &View, last_at: OffsetDateTime) -> String {
        if view.method.is_some() {
            return String::new();
        }
        let reading = self.rules.reading(&PageReading {
            engaged_ms: u64::try_from(view.engaged_ms).unwrap_or_default(),
            scroll: view
                .max_scroll
                .and_then(|scroll| u8::try_from(scroll).ok())
                .unwrap_or_default(),
            open: last_at - view.created_at,
            words: None,
        });
        reading.as_str().to_owned()
    }
}
