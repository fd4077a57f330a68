//! What a session is judged by: numbers that are kept with it, so that changed
//! rules can judge it again.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use systemprompt_domain::web::{Engagement, Headers, Hints, Hit, PageView, Visit};
use systemprompt_web::{Browser, Gaps, Observed, RequestKind};
use time::{Duration, OffsetDateTime};

use super::judge::Asked;

/// So many moments are kept; whoever does more is judged by the first ones.
const TIMES: usize = 256;

/// What a session is judged by. Nothing is written that is at its default: most
/// sessions are short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    /// Page views that browsers reported.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) views: u32,
    /// Pages that were served.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) served: u32,
    /// Pages without a referrer.
    #[serde(skip_serializing_if = "is_zero")]
    bare: u32,
    /// Reports with engaged time, clicks or a key event.
    #[serde(skip_serializing_if = "is_zero")]
    engagements: u32,
    #[serde(skip_serializing_if = "is_zero")]
    key_events: u32,
    /// Everything that browsers reported.
    #[serde(skip_serializing_if = "is_zero")]
    beacons: u32,
    #[serde(skip_serializing_if = "is_zero")]
    assets: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    favicon: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    robots_txt: bool,
    /// Requests that servers saw.
    #[serde(skip_serializing_if = "is_zero")]
    hits: u32,
    #[serde(skip_serializing_if = "is_zero")]
    heads: u32,
    #[serde(skip_serializing_if = "is_zero")]
    page_requests: u32,
    #[serde(skip_serializing_if = "is_zero")]
    refused: u32,
    #[serde(skip_serializing_if = "is_zero")]
    scans: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_example: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_address: bool,
    /// Whether whoever saw its requests saw files as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) assets_visible: bool,
    /// When pages were seen, in milliseconds since 1970, each with a hash of
    /// its path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pages: Vec<(i64, u32)>,
    /// When browsers reported something else than clicks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reports: Vec<i64>,
    /// When there were clicks, and how many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clicks: Vec<(i64, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers>,
    #[serde(skip_serializing_if = "Hints::is_empty")]
    pub(super) hints: Hints,
    #[serde(skip_serializing_if = "Option::is_none")]
    screen: Option<(u16, u16)>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    automated: bool,
    /// How it arrived: its first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arrival: Option<Arrival>,
    /// Whether its source was one too many on its day.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) one_too_many: bool,
}

/// The first page of a session, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrival {
    at: i64,
    pub(super) url: String,
    pub(super) referrer: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// Enough of a hash to tell the pages of one session apart.
fn hash(path: &str) -> u32 {
    let digest = Sha256::digest(path.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

impl Facts {
    fn page(&mut self, at: OffsetDateTime, path: &str, url: String, referrer: &str) {
        let at = millis(at);
        self.bare += u32::from(referrer.is_empty());
        if self.pages.len() < TIMES {
            self.pages.push((at, hash(path)));
        }
        if self.arrival.as_ref().is_none_or(|first| at < first.at) {
            self.arrival = Some(Arrival {
                at,
                url,
                referrer: referrer.to_owned(),
            });
        }
    }

    fn browser(&mut self, visit: &Visit) {
        self.beacons = self.beacons.saturating_add(1);
        self.automated |= visit.automated;
        if self.screen.is_none() {
            self.screen = visit.screen;
        }
        self.client(visit);
    }

    fn client(&mut self, visit: &Visit) {
        self.by_address |= visit.by_address;
        if self.headers.is_none() {
            self.headers = visit.headers;
        }
        if self.hints.is_empty() {
            self.hints.clone_from(&visit.hints);
        }
    }

    /// A page came into view.
    pub(super) fn view(&mut self, visit: &Visit, view: &PageView) {
        if self.views == 0 {
            // Browsers' reports count from here on, not what was served.
            self.pages.clear();
            self.bare = 0;
        }
        self.views = self.views.saturating_add(1);
        self.browser(visit);
        let url = url(&visit.site, &view.path, &view.query);
        self.page(visit.at, &view.path, url, &view.referrer);
    }

    /// A page was looked at.
    pub(super) fn engagement(&mut self, visit: &Visit, one: &Engagement) {
        self.browser(visit);
        let acted = one.engaged_ms > 0 || one.clicks > 0 || one.key_event.is_some();
        self.engagements = self.engagements.saturating_add(u32::from(acted));
        let keyed = u32::from(one.key_event.is_some());
        self.key_events = self.key_events.saturating_add(keyed);
        let at = millis(visit.at);
        if one.clicks > 0 {
            if self.clicks.len() < TIMES {
                self.clicks.push((at, one.clicks));
            }
        } else if self.reports.len() < TIMES {
            self.reports.push(at);
        }
    }

    /// A server answered a request.
    pub(super) fn hit(&mut self, visit: &Visit, hit: &Hit, what: &Asked) {
        self.client(visit);
        self.hits = self.hits.saturating_add(1);
        self.heads += u32::from(hit.method == "HEAD");
        if what.scan {
            self.scans = self.scans.saturating_add(1);
            self.scan_example
                .get_or_insert_with(|| hit.target.chars().take(80).collect());
        }
        match what.kind {
            RequestKind::Robots => self.robots_txt = true,
            RequestKind::Favicon => self.favicon = true,
            RequestKind::Asset => self.assets = self.assets.saturating_add(1),
            RequestKind::Page => {
                self.page_requests = self.page_requests.saturating_add(1);
                self.refused += u32::from(what.refused);
            }
            RequestKind::Feed | RequestKind::File => {}
        }
        if !what.counted {
            return;
        }
        self.served = self.served.saturating_add(1);
        if self.views == 0 {
            let (_, query) = hit.target.split_once('?').unwrap_or_default();
            let url = url(&visit.site, &what.path, query);
            self.page(visit.at, &what.path, url, &hit.referrer);
        }
    }

    /// What the rules want to know.
    pub(super) fn observed<'a>(
        &'a self,
        agent: &'a str,
        engaged: Engaged,
        silent: Duration,
    ) -> Observed<'a> {
        let mut paths: Vec<u32> = self.pages.iter().map(|(_, path)| *path).collect();
        paths.sort_unstable();
        paths.dedup();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let times: Vec<i64> = self.pages.iter().map(|(at, _)| *at).collect();
        let moments: Vec<OffsetDateTime> = times
            .iter()
            .filter_map(|at| {
                OffsetDateTime::from_unix_timestamp_nanos(i128::from(*at) * 1_000_000).ok()
            })
            .collect();
        let events = [&*times, &*self.reports].concat();
        let clicks: Vec<i64> = self
            .clicks
            .iter()
            .flat_map(|(at, n)| std::iter::repeat_n(*at, *n as usize))
            .take(TIMES)
            .collect();
        let pages = if self.views > 0 {
            self.views
        } else {
            self.served
        };
        Observed {
            agent,
            silent,
            pages,
            distinct_pages: count(paths.len()),
            pages_without_referrer: self.bare,
            engaged_ms: engaged.ms,
            engagements: self.engagements,
            clicks: engaged.clicks,
            key_events: self.key_events,
            max_scroll: engaged.max_scroll,
            tracked: self.beacons > 0,
            served: self.hits > 0,
            beacons: self.beacons,
            assets_visible: self.assets_visible,
            assets: self.assets,
            favicon: self.favicon,
            robots_txt: self.robots_txt,
            requests: self.hits,
            heads: self.heads,
            page_requests: self.page_requests,
            refused: self.refused,
            scans: self.scans,
            scan_example: self.scan_example.as_deref(),
            by_address: self.by_address,
            most_in_10s: most_within(events.clone(), 10_000),
            most_in_60s: most_within(events, 60_000),
            most_pages_in_60s: most_different(self.pages.clone(), 60_000),
            most_clicks_in_10s: most_within(clicks, 10_000),
            gaps: Gaps::between(&moments),
            headers: self.headers.map(|headers| systemprompt_web::Headers {
                https: headers.https,
                accept_language: headers.accept_language,
                accept: headers.accept,
                gzip: headers.gzip,
                sec_fetch: headers.sec_fetch,
                client_hints: headers.client_hints,
                navigating_beacon: headers.navigating_beacon,
            }),
            browser: (self.beacons > 0).then(|| Browser {
                webdriver: self.automated,
                screen: self.screen,
                ..Browser::default()
            }),
            ..Observed::default()
        }
    }
}

/// What a session's columns know and the facts need not repeat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engaged {
    pub(super) ms: u64,
    pub(super) clicks: u32,
    pub(super) max_scroll: u8,
}

fn url(site: &str, path: &str, query: &str) -> String {
    let mut url = format!("https://{site}{path}");
    if !query.is_empty() {
        url.push('?');
        url.extend(query.chars().take(1_024));
    }
    url
}

/// The most moments within any stretch of so many milliseconds.
fn most_within(mut times: Vec<i64>, length: i64) -> u32 {
    times.sort_unstable();
    let (mut first, mut most) = (0, 0);
    for (last, at) in times.iter().enumerate() {
        while at - times[first] > length {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// The most different pages within any stretch of so many milliseconds.
fn most_different(mut seen: Vec<(i64, u32)>, length: i64) -> u32 {
    seen.sort_unstable();
    let mut inside: std::collections::HashMap<u32, u32> = std::collections::HashMap::new();
    let (mut first, mut most) = (0, 0);
    for (at, page) in &seen {
        *inside.entry(*page).or_default() += 1;
        while at - seen[first].0 > length {
            if let Some(n) = inside.get_mut(&seen[first].1) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(&seen[first].1);
                }
            }
            first += 1;
        }
        most = most.max(inside.len());
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}
