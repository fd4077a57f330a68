//! Classes: exactly one each, and none that does people wrong.
//!
//! Long because each signal has its case.

use proptest::prelude::*;
use systemprompt_web::{Browser, Class, Gaps, Headers, Observed, Rules, SignalId, Verdict, Weight};
use time::Duration;
use time::macros::datetime;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36";

fn judge(seen: &Observed<'_>) -> Verdict {
    Rules::built_in().classify(seen)
}

fn ids(verdict: &Verdict) -> Vec<&'static str> {
    verdict
        .signals
        .iter()
        .map(|signal| signal.id.as_str())
        .collect()
}

/// A person who reads three pages of a tracked site.
fn reader() -> Observed<'static> {
    Observed {
        agent: FIREFOX,
        silent: Duration::hours(1),
        pages: 3,
        distinct_pages: 3,
        pages_without_referrer: 1,
        engaged_ms: 90_000,
        engagements: 5,
        clicks: 2,
        max_scroll: 80,
        tracked: true,
        served: true,
        beacons: 9,
        assets_visible: true,
        assets: 12,
        favicon: true,
        requests: 16,
        page_requests: 3,
        most_in_10s: 2,
        most_in_60s: 4,
        most_pages_in_60s: 2,
        gaps: Gaps {
            count: 2,
            mean_s: 40.0,
            variation: 0.5,
        },
        ..Observed::default()
    }
}

/// The same person behind an ad blocker: no beacon ever comes.
fn blocked() -> Observed<'static> {
    Observed {
        engaged_ms: 0,
        engagements: 0,
        clicks: 0,
        max_scroll: 0,
        beacons: 0,
        ..reader()
    }
}

#[test]
fn one_of_each_class() {
    assert_eq!(judge(&reader()).class, Class::CleanHuman);
    assert_eq!(judge(&blocked()).class, Class::Unconfirmed);
    let bot = Observed {
        agent: "GPTBot/1.2",
        ..reader()
    };
    assert_eq!(judge(&bot).class, Class::KnownBot);
    let scanner = Observed {
        scans: 1,
        scan_example: Some("/.env"),
        ..reader()
    };
    assert_eq!(judge(&scanner).class, Class::Scanner);
    let fast = Observed {
        most_in_10s: 31,
        ..reader()
    };
    assert_eq!(judge(&fast).class, Class::BehavioralBot);
    let ghost = Observed {
        pages: 1,
        distinct_pages: 1,
        pages_without_referrer: 0,
        ..blocked()
    };
    assert_eq!(judge(&ghost).class, Class::Ghost);
    assert_eq!(
        judge(&Observed {
            agent: FIREFOX,
            ..Observed::default()
        })
        .class,
        Class::Unconfirmed
    );
}

#[test]
fn the_first_class_that_applies_and_all_signals() {
    let all = Observed {
        agent: "curl/8.4.0",
        scans: 2,
        scan_example: Some("/.git/config"),
        most_in_10s: 50,
        robots_txt: true,
        ..blocked()
    };
    let verdict = judge(&all);
    assert_eq!(verdict.class, Class::KnownBot);
    let found = ids(&verdict);
    for id in ["rate_10s", "robots_txt", "scanner_path", "no_script"] {
        assert!(found.contains(&id), "{found:?}");
    }
    assert_eq!(verdict.score, 100);
    assert_eq!(verdict.rules, Rules::built_in().version());
    let unnamed = judge(&Observed {
        agent: FIREFOX,
        ..all
    });
    assert_eq!(unnamed.class, Class::Scanner);
    let tool = judge(&Observed {
        agent: "Nikto/2.5",
        ..Observed::default()
    });
    assert_eq!((tool.class, tool.bot), (Class::Scanner, None));
    assert_eq!(
        ids(&judge(&Observed {
            agent: "sqlmap/1.7 (https://sqlmap.org)",
            ..Observed::default()
        })),
        ["scanner_tool"]
    );
}

#[test]
fn signals_say_what_was_seen() {
    let seen = Observed {
        most_in_60s: 150,
        robots_txt: true,
        gaps: Gaps {
            count: 9,
            mean_s: 2.0,
            variation: 0.01,
        },
        ..blocked()
    };
    let said: Vec<_> = judge(&seen)
        .signals
        .into_iter()
        .map(|signal| format!("{} {} {}", signal.id, signal.points, signal.reason))
        .collect();
    assert_eq!(
        said,
        [
            "rate_60s 60 150 events within a minute",
            "robots_txt 40 robots.txt was read",
            "even_gaps 35 9 pauses of 2.0 s that vary by 1 %",
            "no_script 25 3 pages that ran no script",
        ]
    );
}

/// One observation for each signal that can be weak, nothing else conspicuous.
fn only(id: SignalId) -> Observed<'static> {
    use SignalId as S;
    let headers = Headers {
        https: true,
        accept_language: true,
        accept: true,
        gzip: true,
        sec_fetch: true,
        client_hints: true,
        navigating_beacon: false,
    };
    let sent = |headers| Observed {
        agent: CHROME,
        headers: Some(headers),
        ..reader()
    };
    let told = |browser| Observed {
        agent: CHROME,
        browser: Some(browser),
        ..reader()
    };
    match id {
        S::NoAcceptLanguage => sent(Headers {
            accept_language: false,
            ..headers
        }),
        S::NoAccept => sent(Headers {
            accept: false,
            ..headers
        }),
        S::NoGzip => sent(Headers {
            gzip: false,
            ..headers
        }),
        S::NoSecFetch => sent(Headers {
            sec_fetch: false,
            ..headers
        }),
        S::NoClientHints => sent(Headers {
            client_hints: false,
            ..headers
        }),
        S::NavigatingBeacon => sent(Headers {
            navigating_beacon: true,
            ..headers
        }),
        S::OldBrowserNewSystem => Observed {
            agent: "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.0.0 Mobile Safari/537.36",
            ..reader()
        },
        S::ImpossibleScreen => told(Browser {
            screen: Some((1, 1)),
            ..Browser::default()
        }),
        S::AutomationScreen => told(Browser {
            screen: Some((800, 600)),
            ..Browser::default()
        }),
        S::NoOuterWindow => told(Browser {
            no_outer_window: true,
            ..Browser::default()
        }),
        S::NoChromeObject => told(Browser {
            no_chrome_object: true,
            ..Browser::default()
        }),
        S::SoftwareRenderer => told(Browser {
            software_renderer: true,
            ..Browser::default()
        }),
        S::NoPlugins => told(Browser {
            no_plugins: true,
            ..Browser::default()
        }),
        S::RobotsTxt => Observed {
            robots_txt: true,
            ..reader()
        },
        S::HeadOnly => Observed {
            heads: 16,
            ..reader()
        },
        S::EvenGaps => Observed {
            gaps: Gaps {
                count: 9,
                mean_s: 30.0,
                variation: 0.0,
            },
            ..reader()
        },
        S::FastPages => Observed {
            gaps: Gaps {
                count: 9,
                mean_s: 0.1,
                variation: 1.0,
            },
            ..reader()
        },
        S::NoAssets => Observed {
            assets: 0,
            favicon: false,
            tracked: false,
            ..blocked()
        },
        S::NoScript => blocked(),
        S::NoReferrers => Observed {
            pages: 6,
            pages_without_referrer: 6,
            ..reader()
        },
        S::HostingNetwork => Observed {
            hosting: true,
            ..reader()
        },
        S::AddressRate => Observed {
            address_events_60s: 9_999,
            ..reader()
        },
        S::AddressAgents => Observed {
            address_agents_5m: 99,
            ..reader()
        },
        S::AddressHosts => Observed {
            address_hosts_60s: 99,
            ..reader()
        },
        S::ByAddress => Observed {
            by_address: true,
            ..reader()
        },
        other => panic!("{other} is not weak, or never comes alone"),
    }
}

#[test]
fn no_single_weak_signal_convicts() {
    let mut seen = 0;
    for id in SignalId::ALL {
        let weak = Rules::built_in()
            .signal(*id)
            .is_none_or(|(_, weight)| weight != Weight::Alone);
        // A deep crawl is also one without files and referrers: three at once.
        if !weak || id.is_scan() || *id == SignalId::DeepCrawl {
            continue;
        }
        let verdict = judge(&only(*id));
        assert_eq!(ids(&verdict), [id.as_str()]);
        assert!(verdict.score < Rules::built_in().threshold());
        assert!(verdict.class.is_human(), "{id}: {verdict:?}");
        seen += 1;
    }
    assert!(seen >= 25, "{seen}");
}

/// A person behind an ad blocker, a VPN in a data centre and a carrier's shared
/// address, with a browser that sends no referrers and has everything cached.
#[test]
fn an_ad_blocked_human_is_no_bot() {
    for pages in 1..=7 {
        let seen = Observed {
            pages,
            distinct_pages: pages,
            pages_without_referrer: pages,
            page_requests: pages,
            requests: pages,
            assets: 0,
            favicon: false,
            hosting: true,
            address_events_60s: 5_000,
            address_agents_5m: 50,
            address_hosts_60s: 50,
            ..blocked()
        };
        let verdict = judge(&seen);
        assert!(!verdict.class.is_bot(), "{pages}: {verdict:?}");
        assert_eq!(verdict.score, 0);
    }
    assert!(judge(&blocked()).class.is_human());
}

#[test]
fn a_crawler_that_hides_is_a_bot() {
    let seen = Observed {
        pages: 12,
        distinct_pages: 12,
        pages_without_referrer: 12,
        page_requests: 12,
        requests: 12,
        assets: 0,
        favicon: false,
        gaps: Gaps {
            count: 11,
            mean_s: 20.0,
            variation: 0.4,
        },
        ..blocked()
    };
    assert_eq!(judge(&seen).class, Class::BehavioralBot);
    let reads_robots = Observed {
        robots_txt: true,
        assets: 0,
        favicon: false,
        ..blocked()
    };
    assert_eq!(judge(&reads_robots).class, Class::BehavioralBot);
}

#[test]
fn limits_are_exact() {
    let class = |seen: Observed<'_>| judge(&seen).class;
    assert_eq!(
        class(Observed {
            most_in_10s: 30,
            ..reader()
        }),
        Class::CleanHuman
    );
    assert_eq!(
        class(Observed {
            most_in_10s: 31,
            ..reader()
        }),
        Class::BehavioralBot
    );
    assert_eq!(
        class(Observed {
            most_in_60s: 120,
            ..reader()
        }),
        Class::CleanHuman
    );
    assert_eq!(
        class(Observed {
            most_in_60s: 121,
            ..reader()
        }),
        Class::BehavioralBot
    );
    assert_eq!(
        class(Observed {
            most_pages_in_60s: 25,
            ..reader()
        }),
        Class::CleanHuman
    );
    assert_eq!(
        class(Observed {
            most_pages_in_60s: 26,
            ..reader()
        }),
        Class::BehavioralBot
    );
    // A slider is not a bot.
    assert_eq!(
        class(Observed {
            most_clicks_in_10s: 100,
            ..reader()
        }),
        Class::CleanHuman
    );
    let refused = |page_requests, refused| Observed {
        page_requests,
        refused,
        ..reader()
    };
    assert_eq!(class(refused(4, 4)), Class::CleanHuman);
    assert_eq!(class(refused(6, 3)), Class::CleanHuman);
    assert_eq!(class(refused(5, 3)), Class::Scanner);
    let silent = |silent| Observed {
        pages: 1,
        silent,
        ..blocked()
    };
    assert_eq!(class(silent(Duration::seconds(299))), Class::Unconfirmed);
    assert_eq!(class(silent(Duration::seconds(300))), Class::Ghost);
    // Without a tracker nobody is a ghost for being silent.
    assert_eq!(
        class(Observed {
            tracked: false,
            assets: 0,
            favicon: false,
            ..silent(Duration::hours(9))
        }),
        Class::Unconfirmed
    );
}

#[test]
fn using_admin_is_no_scan() {
    let rules = Rules::built_in();
    for target in [
        "/admin",
        "/admin/",
        "/admin/login",
        "/admin/costs?by=agent",
        "/api/v1/analytics/costs/summary",
        "/admin/missing.php",
    ] {
        for status in [200, 302, 401, 403, 404] {
            assert!(!rules.is_scan("GET", target, status), "{target} {status}");
            assert!(!rules.is_refused(target, status), "{target} {status}");
        }
    }
    // What only begins alike is not the site's own.
    assert!(rules.is_scan("GET", "/administrator/index.php", 404));
    // Nobody uses /admin like this.
    assert!(rules.is_scan("GET", "/admin/../../etc/passwd", 404));
}

#[test]
fn what_intruders_look_for() {
    let rules = Rules::built_in();
    for target in [
        "/.env",
        "/app/.env.production",
        "/.git/config",
        "/.git/HEAD",
        "/wp-login.php",
        "/blog/wp-login.php",
        "/wp-admin/setup-config.php",
        "/xmlrpc.php",
        "/phpMyAdmin/index.php",
        "/cgi-bin/luci",
        "/actuator/health",
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
        "/backup.sql",
        "/index.php.bak",
        "/config.old",
        "/HNAP1/",
        "/boaform/admin/formLogin",
        "/%2eenv",
        "/.aws/credentials",
    ] {
        assert!(rules.is_scan("GET", target, 404), "{target}");
        // A site that has it is no victim of its users.
        assert!(!rules.is_scan("GET", target, 200), "{target}");
        assert!(!rules.is_scan("GET", target, 301), "{target}");
    }
    for target in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/?x=${jndi:ldap://a}",
        "/?q=<script>alert(1)</script>",
        "/?id=1+union+select+1,2",
        "/?q=%3Cscript%3E",
        "/index.php?file=php://filter/x",
    ] {
        assert!(rules.is_scan("GET", target, 200), "{target}");
    }
    for target in [
        "/",
        "/blog/environment",
        "/docs/git",
        "/environment/.well-known/security.txt",
        "/products/old",
        "/reunion/selection",
        "/login",
        "/wordpress-tips",
    ] {
        assert!(!rules.is_scan("GET", target, 404), "{target}");
    }
    assert!(rules.is_scan("CONNECT", "example.com:443", 405));
    assert!(rules.is_scan("PROPFIND", "/", 405));
    assert!(!rules.is_scan("OPTIONS", "/", 405));
}

#[test]
fn pauses_are_measured() {
    let at = |seconds: i64| datetime!(2026-01-01 0:00 UTC) + Duration::seconds(seconds);
    assert_eq!(Gaps::between(&[]), Gaps::default());
    assert_eq!(Gaps::between(&[at(3)]), Gaps::default());
    let even = Gaps::between(&[at(20), at(0), at(10), at(30)]);
    assert_eq!((even.count, even.mean_s, even.variation), (3, 10.0, 0.0));
    let uneven = Gaps::between(&[at(0), at(10), at(40)]);
    assert_eq!(
        (uneven.count, uneven.mean_s, uneven.variation),
        (2, 20.0, 0.5)
    );
    assert_eq!(Gaps::between(&[at(0), at(0)]).variation, 0.0);
}

proptest! {
    /// Whatever is seen, there is one class, its score is at most 100, and who is
    /// no bot has less than it takes.
    #[test]
    fn one_class_whatever_is_seen(
        agent in prop::sample::select(vec!["", FIREFOX, CHROME, "Googlebot/2.1", "Nikto", "x"]),
        pages in 0_u32..40, bare in 0_u32..40, assets in 0_u32..5, beacons in 0_u32..5,
        engagements in 0_u32..3, scans in 0_u32..2, most in 0_u32..40, silent in 0_i64..1_000,
        flags: [bool; 8], headers: Option<[bool; 7]>, variation in 0.0_f64..2.0,
    ) {
        let [tracked, served, visible, favicon, robots, hosting, fleet, webdriver] = flags;
        let seen = Observed {
            agent, pages, distinct_pages: pages, pages_without_referrer: bare.min(pages), assets, beacons,
            engagements, scans, most_in_10s: most, silent: Duration::seconds(silent), tracked, served,
            assets_visible: visible, favicon, robots_txt: robots, hosting, fleet,
            browser: Some(Browser { webdriver, ..Browser::default() }),
            gaps: Gaps { count: pages, mean_s: variation, variation },
            headers: headers.map(|[https, accept_language, accept, gzip, sec_fetch, client_hints, navigating_beacon]| Headers {
                https, accept_language, accept, gzip, sec_fetch, client_hints, navigating_beacon,
            }),
            ..Observed::default()
        };
        let verdict = judge(&seen);
        prop_assert!(verdict.score <= 100);
        prop_assert_eq!(verdict.bot.is_some(), verdict.class == Class::KnownBot);
        let convicted = verdict.score >= Rules::built_in().threshold();
        prop_assert!(convicted || verdict.class != Class::BehavioralBot);
        prop_assert!(!convicted || verdict.class.is_bot());
        prop_assert!(verdict.signals.iter().all(|signal| !signal.reason.is_empty()));
    }
}
