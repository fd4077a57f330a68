//! The table of signals: points, weights and thresholds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Duration;

use super::{Observed, Signal};
use crate::names::names;
use crate::rules::{RuleError, Table};

names! {
    /// A thing about a session that programs do more than people.
    pub enum SignalId {
        /// More events in ten seconds than a hand makes.
        Rate10s = "rate_10s",
        /// More events in a minute than a hand makes.
        Rate60s = "rate_60s",
        /// More different pages in a minute than an eye sees.
        DistinctPaths60s = "distinct_paths_60s",
        /// More clicks in ten seconds than a finger makes.
        Clicks10s = "clicks_10s",
        /// One kind of machine everywhere at once.
        Fleet = "fleet",
        /// The browser says that a program drives it.
        Webdriver = "webdriver",
        /// No `Accept-Language`.
        NoAcceptLanguage = "no_accept_language",
        /// No `Accept`.
        NoAccept = "no_accept",
        /// No gzip in `Accept-Encoding`.
        NoGzip = "no_gzip",
        /// Chrome 76 or newer over HTTPS without `Sec-Fetch-Site`.
        NoSecFetch = "no_sec_fetch",
        /// Chromium 89 or newer over HTTPS without `Sec-CH-UA`.
        NoClientHints = "no_client_hints",
        /// A beacon that claims to navigate.
        NavigatingBeacon = "navigating_beacon",
        /// A Chrome older than its system.
        OldBrowserNewSystem = "old_browser_new_system",
        /// A screen that no display has.
        ImpossibleScreen = "impossible_screen",
        /// A screen that automation has by default.
        AutomationScreen = "automation_screen",
        /// A window without an outside.
        NoOuterWindow = "no_outer_window",
        /// Chrome without its object.
        NoChromeObject = "no_chrome_object",
        /// Graphics without hardware.
        SoftwareRenderer = "software_renderer",
        /// No plugins at all.
        NoPlugins = "no_plugins",
        /// Read `robots.txt`.
        RobotsTxt = "robots_txt",
        /// Only ever asked for headers.
        HeadOnly = "head_only",
        /// All pauses are alike.
        EvenGaps = "even_gaps",
        /// Pages faster than anybody reads.
        FastPages = "fast_pages",
        /// Many pages, from nowhere, without anything that belongs to them.
        DeepCrawl = "deep_crawl",
        /// Pages without anything that belongs to them.
        NoAssets = "no_assets",
        /// Pages that ran no script.
        NoScript = "no_script",
        /// Every page from nowhere.
        NoReferrers = "no_referrers",
        /// A hosting company's network.
        HostingNetwork = "hosting_network",
        /// A busy address.
        AddressRate = "address_rate",
        /// An address with many agents.
        AddressAgents = "address_agents",
        /// An address that asks for many sites.
        AddressHosts = "address_hosts",
        /// Asked for what intruders look for.
        ScannerPath = "scanner_path",
        /// Mostly asked for what is not there.
        MostlyRefused = "mostly_refused",
        /// A scanning tool by name.
        ScannerTool = "scanner_tool",
        /// Asked for the site by its bare address.
        ByAddress = "by_address",
    }
}

impl SignalId {
    /// Whether it makes a scanner, whatever the points.
    #[must_use]
    pub const fn is_scan(self) -> bool {
        matches!(
            self,
            Self::ScannerPath | Self::MostlyRefused | Self::ScannerTool
        )
    }

    /// Whether it only tells about scanners: these have no points.
    const fn is_pointless(self) -> bool {
        self.is_scan() || matches!(self, Self::ByAddress)
    }
}

/// What a signal can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Convicts by itself.
    Alone,
    /// Counts, and never convicts by itself.
    Weak,
    /// Counts only beside a signal that is no mere support.
    Supports,
}

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalsTable {
    version: String,
    #[serde(default)]
    replace: bool,
    threshold: Option<u8>,
    #[serde(default)]
    signals: BTreeMap<SignalId, Rule>,
    ghost_after_minutes: Option<u32>,
    no_script_after_seconds: Option<u32>,
}

impl Table for SignalsTable {
    fn version(&self) -> &str {
        &self.version
    }

    fn replaces(&self) -> bool {
        self.replace
    }
}

/// One signal's line.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) points: u8,
    pub(crate) weight: Weight,
    /// More than so many.
    #[serde(default)]
    pub(super) over: u32,
    /// Less than this.
    #[serde(default)]
    pub(super) below: f64,
}

/// The table, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    threshold: u8,
    rules: BTreeMap<SignalId, Rule>,
    ghost_after: Duration,
    pub(super) no_script_after: Duration,
}

impl Points {
    pub(crate) fn new(tables: Vec<SignalsTable>) -> Result<Self, RuleError> {
        let missing = |key: &str| RuleError::new("signals.yaml", format!("{key} is missing"));
        let fault = |id: &SignalId, reason: String| {
            let reason = format!("signals.{id}: {reason}");
            RuleError::about("signals.yaml", id.as_str(), reason)
        };
        let threshold = tables.iter().find_map(|table| table.threshold);
        let threshold = threshold.ok_or_else(|| missing("threshold"))?;
        let ghost = tables.iter().find_map(|table| table.ghost_after_minutes);
        let ghost = ghost.ok_or_else(|| missing("ghost_after_minutes"))?;
        let silent = tables
            .iter()
            .find_map(|table| table.no_script_after_seconds);
        let silent = silent.ok_or_else(|| missing("no_script_after_seconds"))?;
        let mut rules = BTreeMap::new();
        for table in tables {
            for (id, rule) in table.signals {
                rules.entry(id).or_insert(rule);
            }
        }
        for id in SignalId::ALL {
            match rules.get(id) {
                None if id.is_pointless() => {}
                None => return Err(missing(&format!("signals.{id}"))),
                Some(_) if id.is_pointless() => {
                    return Err(fault(id, "it has no points of its own".into()));
                }
                Some(rule) if rule.weight != Weight::Alone && rule.points >= threshold => {
                    return Err(fault(
                        id,
                        format!(
                            "{} points reach the threshold of {threshold}, but only \
                         a signal of weight alone may convict by itself",
                            rule.points
                        ),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(Self {
            threshold,
            rules,
            ghost_after: Duration::minutes(ghost.into()),
            no_script_after: Duration::seconds(silent.into()),
        })
    }

    pub(crate) fn threshold(&self) -> u8 {
        self.threshold
    }

    /// A signal's line; none for those without points.
    pub(crate) fn rule(&self, id: SignalId) -> Option<&Rule> {
        self.rules.get(&id)
    }

    /// The points that count: what only supports counts beside what does not.
    pub(super) fn score(&self, signals: &[Signal]) -> u8 {
        let stands = signals.iter().any(|signal| signal.counts_by_itself());
        let sum: u32 = signals
            .iter()
            .filter(|signal| stands && signal.points > 0)
            .map(|signal| u32::from(signal.points))
            .sum();
        u8::try_from(sum.min(100)).expect("at most 100")
    }

    /// Whether it came, and never did anything, and had time to.
    pub(super) fn is_ghost(&self, seen: &Observed<'_>) -> bool {
        seen.tracked
            && seen.pages <= 1
            && !seen.is_engaged()
            && seen.engaged_ms == 0
            && seen.clicks == 0
            && seen.max_scroll == 0
            && seen.silent >= self.ghost_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    fn points() -> &'static Points {
        &Rules::built_in().points
    }

    fn signal(id: SignalId) -> Signal {
        let rule = points().rule(id);
        Signal {
            id,
            points: rule.map_or(0, |rule| rule.points),
            weight: rule.map(|rule| rule.weight),
            reason: String::new(),
        }
    }

    fn of(weight: Weight) -> Vec<SignalId> {
        let all = SignalId::ALL.iter().copied();
        all.filter(|id| points().rule(*id).is_some_and(|rule| rule.weight == weight))
            .collect()
    }

    #[test]
    fn no_weak_signal_convicts_by_itself() {
        let weak = [of(Weight::Weak), of(Weight::Supports)].concat();
        assert!(weak.len() > 15);
        for id in weak {
            assert!(points().score(&[signal(id)]) < points().threshold(), "{id}");
        }
    }

    #[test]
    fn rates_convict_by_themselves() {
        for id in of(Weight::Alone) {
            assert!(
                points().score(&[signal(id)]) >= points().threshold(),
                "{id}"
            );
        }
        assert!(of(Weight::Alone).contains(&SignalId::Rate10s));
    }

    /// What networks, offices, ad blockers and caches do to people as well never
    /// convicts, however much of it comes together.
    #[test]
    fn supporting_signals_never_convict() {
        let supports = of(Weight::Supports);
        for subset in 0_u32..1 << supports.len() {
            let chosen: Vec<_> = supports
                .iter()
                .enumerate()
                .filter(|(i, _)| subset & (1 << i) != 0)
                .map(|(_, id)| signal(*id))
                .collect();
            assert_eq!(points().score(&chosen), 0);
        }
    }

    /// Signals about scanners have no points: they make no bot.
    #[test]
    fn scans_have_no_points() {
        for id in SignalId::ALL.iter().filter(|id| id.is_pointless()) {
            assert_eq!(points().score(&[signal(*id)]), 0);
        }
    }

    /// Headers convict from five on a scale on which no language counts three,
    /// what browsers say of themselves from three where no plugins count one.
    #[test]
    fn headers_and_browsers_convict_together() {
        use SignalId as S;
        let convicts = |ids: &[SignalId]| {
            let signals: Vec<_> = ids.iter().map(|id| signal(*id)).collect();
            points().score(&signals) >= points().threshold()
        };
        assert!(convicts(&[S::NoAcceptLanguage, S::NoGzip]));
        assert!(!convicts(&[S::NoAccept, S::NoGzip]));
        assert!(convicts(&[S::NoAccept, S::NoGzip, S::NoSecFetch]));
        assert!(convicts(&[S::NoOuterWindow, S::NoPlugins]));
        assert!(!convicts(&[S::SoftwareRenderer, S::NoPlugins]));
        assert!(convicts(&[
            S::SoftwareRenderer,
            S::NoPlugins,
            S::NoChromeObject
        ]));
    }
}
