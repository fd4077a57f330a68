//! Which signals a session shows.

use serde::{Deserialize, Serialize};

use super::{Browser, Headers, Observed, SignalId, Weight};
use crate::rules::Rules;

/// One thing that was seen, with what it is worth and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Which.
    pub id: SignalId,
    /// Its points, whether they count or not.
    pub points: u8,
    /// What it can do; none for those that make a scanner or only inform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// What was seen, with figures, in words for people.
    pub reason: String,
}

impl Signal {
    /// Whether it counts without another beside it.
    pub(super) fn counts_by_itself(&self) -> bool {
        matches!(self.weight, Some(Weight::Alone | Weight::Weak))
    }
}

/// Screens that automation has unless told otherwise.
const AUTOMATION_SCREENS: [(u16, u16); 3] = [(800, 600), (1_024, 768), (1_280, 1_200)];

impl Rules {
    /// The signals of a session, in the order of [`SignalId::ALL`].
    pub(super) fn signals(&self, seen: &Observed<'_>, tool: Option<&str>) -> Vec<Signal> {
        SignalId::ALL
            .iter()
            .filter_map(|id| {
                let reason = self.reason(*id, seen, tool)?;
                let rule = self.points.rule(*id);
                Some(Signal {
                    id: *id,
                    points: rule.map_or(0, |rule| rule.points),
                    weight: rule.map(|rule| rule.weight),
                    reason,
                })
            })
            .collect()
    }

    /// What was seen, if it was.
    fn reason(&self, id: SignalId, seen: &Observed<'_>, tool: Option<&str>) -> Option<String> {
        use SignalId as S;
        let rule = self.points.rule(id);
        let over = rule.map_or(0, |rule| rule.over);
        let below = rule.map_or(0.0, |rule| rule.below);
        let said = |seen: bool, reason: &str| seen.then(|| reason.to_owned());
        let more = |n: u32, what: &str| (n > over).then(|| format!("{n} {what}"));
        match id {
            S::Rate10s => more(seen.most_in_10s, "events within ten seconds"),
            S::Rate60s => more(seen.most_in_60s, "events within a minute"),
            S::DistinctPaths60s => more(seen.most_pages_in_60s, "different pages within a minute"),
            S::Clicks10s => more(seen.most_clicks_in_10s, "clicks within ten seconds"),
            S::Fleet => said(
                seen.fleet,
                "one of many sessions alike but for their browser's version",
            ),
            S::Webdriver
            | S::ImpossibleScreen
            | S::AutomationScreen
            | S::NoOuterWindow
            | S::NoChromeObject
            | S::SoftwareRenderer
            | S::NoPlugins => self.told(id, seen.agent, seen.browser?),
            S::NoAcceptLanguage
            | S::NoAccept
            | S::NoGzip
            | S::NoSecFetch
            | S::NoClientHints
            | S::NavigatingBeacon => self.sent(id, seen.agent, seen.headers?),
            S::OldBrowserNewSystem => self.old_browser(seen.agent),
            S::RobotsTxt => said(seen.robots_txt, "robots.txt was read"),
            S::HeadOnly => (seen.heads > over && seen.heads == seen.requests)
                .then(|| format!("all {} requests were HEAD", seen.heads)),
            S::EvenGaps => {
                let gaps = seen.gaps;
                (gaps.count > over && gaps.mean_s > 0.0 && gaps.variation < below).then(|| {
                    format!(
                        "{} pauses of {:.1} s that vary by {:.0} %",
                        gaps.count,
                        gaps.mean_s,
                        gaps.variation * 100.0
                    )
                })
            }
            S::FastPages => {
                let gaps = seen.gaps;
                (gaps.count > over && gaps.mean_s < below)
                    .then(|| format!("a page every {:.2} s", gaps.mean_s))
            }
            S::DeepCrawl => (seen.assets_visible
                && seen.distinct_pages > over
                && seen.assets == 0
                && !seen.favicon
                && seen.beacons == 0
                && seen.pages_without_referrer >= seen.pages)
                .then(|| format!("{} pages, each from nowhere and bare", seen.distinct_pages)),
            S::NoAssets => (seen.assets_visible
                && seen.pages > over
                && seen.assets == 0
                && !seen.favicon
                && seen.beacons == 0)
                .then(|| format!("{} pages without anything that belongs to them", seen.pages)),
            S::NoScript => (seen.tracked
                && seen.served
                && seen.pages > over
                && seen.beacons == 0
                && seen.silent >= self.points.no_script_after)
                .then(|| format!("{} pages that ran no script", seen.pages)),
            S::NoReferrers => (seen.pages > over && seen.pages_without_referrer >= seen.pages)
                .then(|| format!("{} pages, each from nowhere", seen.pages)),
            S::HostingNetwork => said(seen.hosting, "its network is a hosting company's"),
            S::AddressRate => more(
                seen.address_events_60s,
                "events of its address within a minute",
            ),
            S::AddressAgents => more(
                seen.address_agents_5m,
                "agents at its address within five minutes",
            ),
            S::AddressHosts => more(
                seen.address_hosts_60s,
                "sites asked for by its address within a minute",
            ),
            S::ScannerPath => (seen.scans > 0).then(|| {
                let example = seen.scan_example.unwrap_or_default();
                let example = crate::text::inert(example, 80);
                format!(
                    "{} {} for what intruders look for: {example}",
                    seen.scans,
                    if seen.scans == 1 {
                        "request"
                    } else {
                        "requests"
                    }
                )
            }),
            S::MostlyRefused => self
                .scanners
                .is_mostly_refused(seen.page_requests, seen.refused)
                .then(|| {
                    format!(
                        "{} of {} pages asked for are not there",
                        seen.refused, seen.page_requests
                    )
                }),
            S::ScannerTool => tool.map(|tool| format!("its agent names {tool}")),
            S::ByAddress => said(
                seen.by_address,
                "the site was asked for by its bare address",
            ),
        }
    }

    /// What the browser told of itself.
    fn told(&self, id: SignalId, agent: &str, browser: Browser) -> Option<String> {
        use SignalId as S;
        let said = |seen: bool, reason: &str| seen.then(|| reason.to_owned());
        match id {
            S::Webdriver => said(
                browser.webdriver,
                "the browser says that a program drives it",
            ),
            S::ImpossibleScreen => {
                let (width, height) = browser.screen?;
                let impossible = width.min(height) < 100 || width.max(height) > 16_384;
                impossible.then(|| format!("a screen of {width}×{height}"))
            }
            S::AutomationScreen => {
                let (width, height) = browser.screen?;
                let is_desktop = self.agents.read(agent).device == crate::Device::Desktop;
                (is_desktop && AUTOMATION_SCREENS.contains(&(width, height)))
                    .then(|| format!("a desktop with a screen of {width}×{height}"))
            }
            S::NoOuterWindow => said(browser.no_outer_window, "a window without an outside"),
            S::NoChromeObject => said(browser.no_chrome_object, "Chrome without its object"),
            S::SoftwareRenderer => said(browser.software_renderer, "graphics without hardware"),
            S::NoPlugins => said(browser.no_plugins, "a desktop browser without plugins"),
            _ => None,
        }
    }

    /// What the request was sent with.
    fn sent(&self, id: SignalId, agent: &str, headers: Headers) -> Option<String> {
        use SignalId as S;
        let said = |seen: bool, reason: &str| seen.then(|| reason.to_owned());
        // Only browsers of this make and age are known to send what is missed.
        let chrome = || chromium(agent).unwrap_or(0);
        match id {
            S::NoAcceptLanguage => said(!headers.accept_language, "no Accept-Language"),
            S::NoAccept => said(!headers.accept, "no Accept"),
            S::NoGzip => said(!headers.gzip, "no gzip in Accept-Encoding"),
            S::NoSecFetch => (headers.https && !headers.sec_fetch && chrome() >= 76)
                .then(|| format!("Chrome {} without Sec-Fetch-Site", chrome())),
            S::NoClientHints => (headers.https && !headers.client_hints && chrome() >= 89)
                .then(|| format!("Chrome {} without Sec-CH-UA", chrome())),
            S::NavigatingBeacon => said(
                headers.navigating_beacon,
                "a beacon that claims to navigate",
            ),
            _ => None,
        }
    }

    /// A Chrome that its system never came with: older than the system itself.
    fn old_browser(&self, agent: &str) -> Option<String> {
        let chrome = chromium(agent)?;
        let os = self.agents.read(agent).os?;
        let newer = match (os.name.as_str(), os.major()) {
            ("Android", Some(11..)) => true,
            ("Windows", Some(10..)) => false,
            ("macOS", Some(11..)) => true,
            _ => false,
        };
        (newer && chrome < 80).then(|| {
            format!(
                "Chrome {chrome} on {} {}",
                os.name,
                os.version.unwrap_or_default()
            )
        })
    }
}

/// The major version of the Chromium in an agent, if there is one. The ones in
/// iOS are none.
fn chromium(agent: &str) -> Option<u32> {
    let (_, after) = agent.split_once("Chrome/")?;
    let end = after
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after.len());
    after[..end].parse().ok()
}
