//! From an access log's hits to sessions with their classes: what an import
//! stores, and what a live session's observations look like.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use time::{Duration, OffsetDateTime};

use crate::class::{Gaps, Observed, Verdict};
use crate::content::RequestKind;
use crate::log::Hit;
use crate::rules::Rules;
use crate::sessions::{Cut, SessionNo, Sessions, Span};
use crate::visitor::{Salt, VisitorId};

/// Sessions keep at most so many times of pages for their pauses: whoever views
/// more is judged by the first ones.
const TIMES: usize = 256;

/// A session of an access log.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Who.
    pub visitor: VisitorId,
    /// From the first request to the last.
    pub span: Span,
    /// The agent.
    pub agent: String,
    /// The referrer of the first page; of the first request where there was none.
    pub referrer: Option<String>,
    /// The first page, in its one spelling.
    pub landing: Option<String>,
    /// The last page.
    pub exit: Option<String>,
    /// What the first page was asked for with: what attribution reads.
    pub landing_target: Option<String>,
    /// All requests.
    pub requests: u32,
    /// Pages viewed.
    pub pages: u32,
    seen: Seen,
}

/// What is counted beside that.
#[derive(Clone, Debug, Default)]
struct Seen {
    pages_without_referrer: u32,
    assets: u32,
    favicon: bool,
    robots_txt: bool,
    heads: u32,
    page_requests: u32,
    refused: u32,
    scans: u32,
    scan_example: Option<String>,
    pages_seen: Vec<(OffsetDateTime, u64)>,
}

/// Builds sessions from hits, in whatever order they come.
#[derive(Debug)]
pub struct Visits<'r> {
    rules: &'r Rules,
    salt: Salt,
    site: String,
    sessions: Sessions<VisitorId>,
    open: HashMap<SessionNo, Visit>,
    assets: u64,
}

impl<'r> Visits<'r> {
    /// No sessions yet. The salt lives as long as the import: afterwards nobody
    /// knows who they were.
    #[must_use]
    pub fn new(rules: &'r Rules, salt: Salt, site: &str) -> Self {
        Self {
            rules,
            salt,
            site: site.to_owned(),
            sessions: Sessions::new(Cut::default()),
            open: HashMap::new(),
            assets: 0,
        }
    }

    /// Takes one hit. What was answered to whom under no address (logs with
    /// names looked up) is told apart by the name.
    pub fn add(&mut self, hit: &Hit<'_>) -> SessionNo {
        let agent = hit.agent.as_deref().unwrap_or_default();
        let visitor = match hit.address() {
            Some(address) => VisitorId::new(&self.salt, &self.site, address, agent),
            None => VisitorId::named(&self.salt, &self.site, &hit.client, agent),
        };
        let (no, _) = self.sessions.assign(visitor, hit.at);
        let visit = self
            .open
            .entry(no)
            .or_insert_with(|| Visit::new(visitor, hit.at, agent));
        visit.take(self.rules, hit);
        self.assets += u64::from(visit.seen.assets > 0);
        no
    }

    /// Hands out the sessions that are over at this time, with their classes, so
    /// that a log of any length fits into memory. A hit that comes later than the
    /// gap after its time then opens a session of its own.
    pub fn close(&mut self, now: OffsetDateTime) -> Vec<(Visit, Verdict)> {
        let closed = self.sessions.close(now);
        let visits = closed.iter().filter_map(|(no, _)| self.open.remove(no));
        let visits: Vec<_> = visits.collect();
        self.judge(visits)
    }

    /// All sessions that are left with their classes, in the order in which they
    /// began.
    #[must_use]
    pub fn finish(mut self) -> Vec<(Visit, Verdict)> {
        let visits = std::mem::take(&mut self.open).into_values().collect();
        self.judge(visits)
    }

    fn judge(&self, mut visits: Vec<Visit>) -> Vec<(Visit, Verdict)> {
        let assets_visible = self.assets > 0;
        visits.sort_by_key(|visit| (visit.span.first, visit.visitor));
        visits
            .into_iter()
            .map(|visit| {
                let verdict = self.rules.classify(&visit.observed(assets_visible));
                (visit, verdict)
            })
            .collect()
    }
}

impl Visit {
    fn new(visitor: VisitorId, at: OffsetDateTime, agent: &str) -> Self {
        Self {
            visitor,
            span: Span::at(at),
            agent: crate::text::start(agent, 512).to_owned(),
            referrer: None,
            landing: None,
            exit: None,
            landing_target: None,
            requests: 0,
            pages: 0,
            seen: Seen::default(),
        }
    }

    fn take(&mut self, rules: &Rules, hit: &Hit<'_>) {
        self.requests = self.requests.saturating_add(1);
        self.span = self.span.with(hit.at);
        let seen = &mut self.seen;
        let head = &*hit.method == "HEAD";
        seen.heads = seen.heads.saturating_add(u32::from(head));
        if rules.scanners.is_scan(&hit.method, &hit.target, hit.status) {
            seen.scans = seen.scans.saturating_add(1);
            seen.scan_example
                .get_or_insert_with(|| crate::text::inert(&hit.target, 80));
        }
        let kind = rules.content.kind(&hit.target);
        match kind {
            RequestKind::Robots => seen.robots_txt = true,
            RequestKind::Favicon => seen.favicon = true,
            RequestKind::Asset => seen.assets = seen.assets.saturating_add(1),
            RequestKind::Page => self.page(rules, hit),
            RequestKind::Feed | RequestKind::File => {}
        }
        if self.referrer.is_none() && self.landing.is_none() {
            self.referrer = hit.referrer.as_deref().map(str::to_owned);
        }
    }

    fn page(&mut self, rules: &Rules, hit: &Hit<'_>) {
        let seen = &mut self.seen;
        seen.page_requests = seen.page_requests.saturating_add(1);
        if rules.scanners.is_missing(hit.status) && !rules.scanners.is_own(&hit.target) {
            seen.refused = seen.refused.saturating_add(1);
        }
        let shown = matches!(hit.status, 200..=299 | 304) && matches!(&*hit.method, "GET" | "HEAD");
        if !shown {
            return;
        }
        let path = crate::page::path(&hit.target);
        self.pages = self.pages.saturating_add(1);
        let bare = u32::from(hit.referrer.is_none());
        seen.pages_without_referrer = seen.pages_without_referrer.saturating_add(bare);
        if seen.pages_seen.len() < TIMES {
            let mut hasher = DefaultHasher::new();
            path.hash(&mut hasher);
            seen.pages_seen.push((hit.at, hasher.finish()));
        }
        if self.landing.is_none() {
            self.landing = Some(path.clone());
            self.landing_target = Some(crate::text::start(&hit.target, 2_048).to_owned());
            self.referrer = hit.referrer.as_deref().map(str::to_owned);
        }
        self.exit = Some(path);
    }

    /// What is known of the session, for [`Rules::classify`].
    #[must_use]
    pub fn observed(&self, assets_visible: bool) -> Observed<'_> {
        let seen = &self.seen;
        let mut paths: Vec<u64> = seen.pages_seen.iter().map(|(_, path)| *path).collect();
        paths.sort_unstable();
        paths.dedup();
        let page_times: Vec<_> = seen.pages_seen.iter().map(|(at, _)| *at).collect();
        Observed {
            agent: &self.agent,
            // A log is read long after.
            silent: Duration::days(1),
            pages: self.pages,
            distinct_pages: u32::try_from(paths.len()).unwrap_or(u32::MAX),
            pages_without_referrer: seen.pages_without_referrer,
            served: true,
            assets_visible,
            assets: seen.assets,
            favicon: seen.favicon,
            robots_txt: seen.robots_txt,
            requests: self.requests,
            heads: seen.heads,
            page_requests: seen.page_requests,
            refused: seen.refused,
            scans: seen.scans,
            scan_example: seen.scan_example.as_deref(),
            // Browsers load what belongs to a page at once: only pages are counted.
            most_in_10s: most_within(&page_times, Duration::seconds(10)),
            most_in_60s: most_within(&page_times, Duration::seconds(60)),
            most_pages_in_60s: most_different(&seen.pages_seen, Duration::seconds(60)),
            gaps: Gaps::between(&page_times),
            ..Observed::default()
        }
    }
}

/// The most times within any stretch of this length.
fn most_within(times: &[OffsetDateTime], length: Duration) -> u32 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while *at - times[first] > length {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// The most different things within any stretch of this length.
fn most_different(seen: &[(OffsetDateTime, u64)], length: Duration) -> u32 {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    let mut inside: HashMap<u64, u32> = HashMap::new();
    let mut first = 0;
    let mut most = 0;
    for (at, thing) in &seen {
        *inside.entry(*thing).or_default() += 1;
        while *at - seen[first].0 > length {
            let gone = seen[first].1;
            if let Some(n) = inside.get_mut(&gone) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(&gone);
                }
            }
            first += 1;
        }
        most = most.max(inside.len());
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}
