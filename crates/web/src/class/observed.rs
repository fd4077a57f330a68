//! What is known of a session: plain numbers that whoever stores sessions fills
//! in. What is not known stays at its default and accuses nobody.

use time::{Duration, OffsetDateTime};

/// What is known of a session.
///
/// *Views* are page views; *events* all that happened, views included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed<'a> {
    /// The user agent as sent; empty where none was.
    pub agent: &'a str,
    /// Time since its last event, when judged.
    pub silent: Duration,

    /// Pages viewed.
    pub pages: u32,
    /// Different pages viewed.
    pub distinct_pages: u32,
    /// Pages that were asked for without a referrer.
    pub pages_without_referrer: u32,
    /// Milliseconds engaged.
    pub engaged_ms: u64,
    /// Engagement events: those with engaged time, clicks or a key event.
    pub engagements: u32,
    /// Clicks.
    pub clicks: u32,
    /// Key events.
    pub key_events: u32,
    /// Deepest scroll of any page, in per cent.
    pub max_scroll: u8,

    /// Whether engagement could have been seen: the pages carry the tracker.
    /// Without it nobody is a ghost for not being engaged.
    pub tracked: bool,
    /// Whether the server saw the pages itself (`PageViewLayer`, access log), so
    /// that pages without a beacon show.
    pub served: bool,
    /// Whether any beacon came.
    pub beacons: u32,

    /// Whether files that pages load would have been seen: true for a log that
    /// has any, false behind a CDN that serves them.
    pub assets_visible: bool,
    /// Files loaded for pages.
    pub assets: u32,
    /// Whether the site's icon was asked for.
    pub favicon: bool,
    /// Whether `robots.txt` was asked for.
    pub robots_txt: bool,
    /// All requests.
    pub requests: u32,
    /// `HEAD` requests.
    pub heads: u32,
    /// Requests for pages, whatever the answer.
    pub page_requests: u32,
    /// Those of them that were refused as missing or wrong.
    pub refused: u32,
    /// Requests for what intruders look for, that the site does not have.
    pub scans: u32,
    /// One of those.
    pub scan_example: Option<&'a str>,
    /// The site was asked for by its bare address.
    pub by_address: bool,

    /// Most events within any ten seconds, clicks not counted.
    pub most_in_10s: u32,
    /// Most events within any minute, clicks not counted.
    pub most_in_60s: u32,
    /// Most different pages within any minute.
    pub most_pages_in_60s: u32,
    /// Most clicks within any ten seconds.
    pub most_clicks_in_10s: u32,
    /// The pauses between its pages.
    pub gaps: Gaps,

    /// What the request's headers were, where they were seen.
    pub headers: Option<Headers>,
    /// What the browser said of itself, where it did.
    pub browser: Option<Browser>,
    /// Whether its network is a hosting company's.
    pub hosting: bool,
    /// Most events of its address within a minute, whoever sent them.
    pub address_events_60s: u32,
    /// Different agents of its address within five minutes.
    pub address_agents_5m: u32,
    /// Different sites asked for by its address within a minute.
    pub address_hosts_60s: u32,
    /// It belongs to a fleet: one kind of machine in too many versions at once.
    pub fleet: bool,
}

impl Observed<'_> {
    /// Whether a person did something.
    #[must_use]
    pub const fn is_engaged(&self) -> bool {
        self.engagements > 0 || self.key_events > 0
    }

    /// Where nothing measures engagement (access logs): whether a browser
    /// showed a page with what belongs to it: pictures, styles, the icon. Programs
    /// load pages to read them.
    #[must_use]
    pub const fn is_rendered(&self) -> bool {
        !self.tracked && self.pages > 0 && (self.assets > 1 || self.favicon)
    }
}

/// The pauses between the pages of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gaps {
    /// How many.
    pub count: u32,
    /// Their mean, in seconds.
    pub mean_s: f64,
    /// Their standard deviation over their mean: 0 where all are alike.
    pub variation: f64,
}

impl Gaps {
    /// The pauses between these times, in whatever order they come.
    #[must_use]
    pub fn between(times: &[OffsetDateTime]) -> Self {
        let mut times = times.to_vec();
        times.sort_unstable();
        let gaps: Vec<f64> = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_seconds_f64())
            .collect();
        let Ok(count) = u32::try_from(gaps.len()) else {
            return Self::default();
        };
        if count == 0 {
            return Self::default();
        }
        let n = f64::from(count);
        let mean_s = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean_s).powi(2)).sum::<f64>() / n;
        Self {
            count,
            mean_s,
            variation: if mean_s > 0.0 {
                variance.sqrt() / mean_s
            } else {
                0.0
            },
        }
    }
}

/// Which headers a page was asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A beacon came with `Sec-Fetch-Mode: navigate`.
    pub navigating_beacon: bool,
}

/// What a browser says of itself through the tracker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// `navigator.webdriver`, or an automation tool's globals.
    pub webdriver: bool,
    /// The screen, in CSS pixels.
    pub screen: Option<(u16, u16)>,
    /// The window has no outside, or one smaller than its inside; not while
    /// prerendering.
    pub no_outer_window: bool,
    /// Chrome without `window.chrome`.
    pub no_chrome_object: bool,
    /// Graphics by SwiftShader or its like.
    pub software_renderer: bool,
    /// A desktop browser without any plugin.
    pub no_plugins: bool,
}
