//! A session as it is stored, and what events make of it.

use serde::{Deserialize, Serialize};
use systemprompt_domain::web::{Engagement, Hit, PageView, Source, Visit};
use systemprompt_web::{Cut, Span};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bounds::OTHER;
use super::facts::Facts;
use super::judge::Asked;

/// So many pages are kept in their order.
const PATH: usize = 50;

/// A row of `open_sessions`; without its last two columns, one of `user_sessions`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) started_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) last_seen_at: OffsetDateTime,
    pub(super) visitor: Option<Uuid>,
    pub(super) site: String,
    pub(super) class: String,
    pub(super) bot_kind: String,
    pub(super) bot_name: String,
    pub(super) bot_operator: String,
    pub(super) score: i16,
    pub(super) signals: Vec<Signal>,
    pub(super) rule_version: String,
    pub(super) landing_page: String,
    pub(super) exit_page: String,
    pub(super) path: Vec<String>,
    pub(super) pages: i32,
    pub(super) requests: i32,
    pub(super) events: i32,
    pub(super) engaged_ms: i64,
    pub(super) max_scroll: Option<i16>,
    pub(super) clicks: i32,
    pub(super) channel: String,
    pub(super) source: String,
    pub(super) referrer: String,
    pub(super) campaign: String,
    pub(super) device: String,
    pub(super) browser: String,
    pub(super) os: String,
    pub(super) country: String,
    pub(super) region: String,
    pub(super) language: String,
    pub(super) user_agent: String,
    pub(super) imported: bool,
    pub(super) facts: Facts,
    #[serde(default)]
    pub(super) identity: Uuid,
    #[serde(with = "time::serde::rfc3339", default = "long_ago")]
    pub(super) touched_at: OffsetDateTime,
}

const fn long_ago() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// Something that spoke for a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signal {
    pub(super) signal: String,
    pub(super) points: i64,
    pub(super) reason: String,
}

/// A row of `open_page_views`; without its last two columns, one of `page_views`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
    pub(super) session_id: Uuid,
    pub(super) site: String,
    pub(super) path: String,
    pub(super) title: String,
    pub(super) referrer: String,
    pub(super) source: String,
    pub(super) counted: bool,
    pub(super) method: Option<String>,
    pub(super) status: Option<i16>,
    pub(super) engaged_ms: i64,
    pub(super) events: i32,
    pub(super) max_scroll: Option<i16>,
    pub(super) clicks: i32,
    pub(super) pattern: String,
    pub(super) imported: bool,
    #[serde(default)]
    pub(super) seen_to: i32,
    #[serde(default)]
    pub(super) seen_beyond: Vec<i32>,
}

impl Session {
    /// A session that begins with something.
    pub(super) fn begin(
        visit: &Visit,
        identity: Uuid,
        at: OffsetDateTime,
        imported: bool,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id: id_at(at),
            started_at: at,
            last_seen_at: at,
            visitor: visit.visitor.map(|_| identity),
            site: visit.site.clone(),
            class: "unconfirmed".to_owned(),
            bot_kind: String::new(),
            bot_name: String::new(),
            bot_operator: String::new(),
            score: 0,
            signals: Vec::new(),
            rule_version: String::new(),
            landing_page: String::new(),
            exit_page: String::new(),
            path: Vec::new(),
            pages: 0,
            requests: 0,
            events: 0,
            engaged_ms: 0,
            max_scroll: None,
            clicks: 0,
            channel: String::new(),
            source: String::new(),
            referrer: String::new(),
            campaign: String::new(),
            device: String::new(),
            browser: String::new(),
            os: String::new(),
            country: visit.country.clone(),
            region: visit.region.clone(),
            language: visit.language.clone(),
            user_agent: visit.user_agent.clone(),
            imported,
            facts: Facts::default(),
            identity,
            touched_at: now,
        }
    }

    /// Whether something that happened at `at` belongs to it.
    pub(super) fn takes(&self, at: OffsetDateTime) -> bool {
        let span = Span {
            first: self.started_at,
            last: self.last_seen_at,
        };
        Cut::default().joins(span, at)
    }

    /// Puts its source among those that are not told apart; its channel stays.
    pub(super) fn forget_source(&mut self) {
        for text in [&mut self.source, &mut self.referrer] {
            if !text.is_empty() {
                OTHER.clone_into(text);
            }
        }
    }

    fn touch(&mut self, at: OffsetDateTime, now: OffsetDateTime) {
        self.started_at = self.started_at.min(at);
        self.last_seen_at = self.last_seen_at.max(at);
        self.touched_at = now;
    }

    /// Pages that browsers report are not counted again as they are served.
    fn on_page(&mut self, at: OffsetDateTime, path: &str, reported: bool) {
        if reported && self.facts.views == 1 {
            self.path.clear();
            self.landing_page.clear();
        }
        if self.path.len() < PATH {
            self.path.push(path.to_owned());
        }
        if self.landing_page.is_empty() || at <= self.started_at {
            path.clone_into(&mut self.landing_page);
        }
        if at >= self.last_seen_at {
            path.clone_into(&mut self.exit_page);
        }
        let pages = if self.facts.views > 0 {
            self.facts.views
        } else {
            self.facts.served
        };
        self.pages = i32::try_from(pages).unwrap_or(i32::MAX);
    }

    /// A page came into view.
    pub(super) fn view(&mut self, visit: &Visit, view: &PageView, now: OffsetDateTime) {
        self.touch(visit.at, now);
        self.requests = self.requests.saturating_add(1);
        self.facts.view(visit, view);
        self.on_page(visit.at, &view.path, true);
    }

    /// A page was looked at.
    pub(super) fn engagement(&mut self, visit: &Visit, one: &Engagement, now: OffsetDateTime) {
        self.touch(visit.at, now);
        self.events = self.events.saturating_add(1);
        self.engaged_ms = self.engaged_ms.saturating_add(one.engaged_ms.into());
        self.clicks = self.clicks.saturating_add(signed(one.clicks));
        let scroll = i16::from(one.max_scroll);
        self.max_scroll = Some(self.max_scroll.unwrap_or_default().max(scroll));
        self.facts.engagement(visit, one);
    }

    /// A server answered a request.
    pub(super) fn hit(&mut self, visit: &Visit, hit: &Hit, what: &Asked, now: OffsetDateTime) {
        self.touch(visit.at, now);
        self.requests = self.requests.saturating_add(1);
        self.facts.hit(visit, hit, what);
        if what.counted && self.facts.views == 0 {
            self.on_page(visit.at, &what.path, false);
        }
    }

    /// The views that count: what browsers reported or, where they reported
    /// nothing, the pages that were served.
    pub(super) fn seen<'a>(&self, views: &'a [View]) -> Vec<&'a View> {
        let browsers = [Source::Tracker.as_str(), Source::Pixel.as_str()];
        let reported = |view: &&View| browsers.contains(&&*view.source);
        let any = views.iter().any(|view| reported(&view));
        let counts = |view: &&View| view.counted && (!any || reported(view));
        let mut seen: Vec<&View> = views.iter().filter(counts).collect();
        seen.sort_by_key(|view| (view.created_at, view.id));
        seen
    }

    /// What only the end of a session tells: its pages in the order in which
    /// they were seen, whenever they arrived.
    pub(super) fn finish(&mut self, views: &[View]) {
        let seen = self.seen(views);
        if let (Some(first), Some(last)) = (seen.first(), seen.last()) {
            self.landing_page.clone_from(&first.path);
            self.exit_page.clone_from(&last.path);
        }
        self.pages = i32::try_from(seen.len()).unwrap_or(i32::MAX);
        let path = seen.iter().take(PATH).map(|view| view.path.clone());
        self.path = path.collect();
    }
}

impl View {
    /// A view that is known by what is reported of it.
    pub(super) fn begin(visit: &Visit, view: &PageView, session: &Session) -> Self {
        Self {
            id: view.id,
            created_at: visit.at,
            session_id: session.id,
            site: visit.site.clone(),
            path: view.path.clone(),
            title: view.title.clone(),
            referrer: view.referrer.clone(),
            source: visit.source.as_str().to_owned(),
            counted: true,
            method: None,
            status: None,
            engaged_ms: 0,
            events: 0,
            max_scroll: None,
            clicks: 0,
            pattern: String::new(),
            imported: session.imported,
            seen_to: 0,
            seen_beyond: Vec::new(),
        }
    }

    /// A request that a server answered.
    pub(super) fn answered(visit: &Visit, hit: &Hit, what: Asked, session: &Session) -> Self {
        let view = PageView {
            id: hit.id,
            path: what.path,
            referrer: hit.referrer.clone(),
            ..PageView::default()
        };
        Self {
            counted: what.counted,
            method: Some(hit.method.clone()),
            status: Some(hit.status.cast_signed()),
            ..Self::begin(visit, &view, session)
        }
    }

    /// Notes a report by its number; `false` if it was there before.
    pub(super) fn is_new(&mut self, seq: u32) -> bool {
        let seq = signed(seq);
        if seq <= self.seen_to || self.seen_beyond.contains(&seq) {
            return false;
        }
        self.seen_beyond.push(seq);
        self.seen_beyond.sort_unstable();
        while self.seen_beyond.first() == Some(&(self.seen_to + 1)) {
            self.seen_beyond.remove(0);
            self.seen_to += 1;
        }
        true
    }

    /// What is new of it.
    pub(super) fn engagement(&mut self, one: &Engagement) {
        self.events = self.events.saturating_add(1);
        self.engaged_ms = self.engaged_ms.saturating_add(one.engaged_ms.into());
        self.clicks = self.clicks.saturating_add(signed(one.clicks));
        let scroll = i16::from(one.max_scroll);
        self.max_scroll = Some(self.max_scroll.unwrap_or_default().max(scroll));
    }
}

pub(super) fn signed(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// An id that carries this moment.
fn id_at(at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    let mut bytes: [u8; 16] = rand::random();
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    uuid::Builder::from_bytes(bytes)
        .with_version(uuid::Version::SortRand)
        .with_variant(uuid::Variant::RFC4122)
        .into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_once_in_whatever_order_it_comes() {
        let visit = Visit {
            at: OffsetDateTime::UNIX_EPOCH,
            site: String::new(),
            source: Source::Tracker,
            visitor: None,
            user_agent: String::new(),
            language: String::new(),
            country: String::new(),
            region: String::new(),
            headers: None,
            hints: systemprompt_domain::web::Hints::default(),
            screen: None,
            automated: false,
            by_address: false,
            events: Vec::new(),
        };
        let at = visit.at;
        let session = Session::begin(&visit, Uuid::nil(), at, false, at);
        let mut view = View::begin(&visit, &PageView::default(), &session);
        let order = [3, 1, 3, 2, 1, 2, 5, 4, 4, 7];
        let new = order.map(|seq| view.is_new(seq));
        let expected = [
            true, true, false, true, false, false, true, true, false, true,
        ];
        assert_eq!(new, expected);
        assert_eq!((view.seen_to, &*view.seen_beyond), (5, &[7][..]));
    }

    #[test]
    fn an_id_carries_its_moment() {
        let at = time::macros::datetime!(2026-11-25 10:07:30.25 UTC);
        assert_eq!(systemprompt_domain::ids::time_of(id_at(at)), Some(at));
    }
}
