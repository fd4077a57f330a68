//! Browser, system and device, against labelled agents and agents in wide use.

use std::collections::BTreeMap;

use serde::Deserialize;
use systemprompt_web::{Agent, Device, Hints, Rules};

use crate::shared;

fn read(agent: &str) -> Agent {
    Rules::built_in().agent(agent)
}

fn browser(agent: &Agent) -> &str {
    agent.browser.as_ref().map_or("none", |b| &b.name)
}

fn os(agent: &Agent) -> &str {
    agent.os.as_ref().map_or("none", |os| &os.name)
}

#[derive(Deserialize)]
struct Cases {
    test_cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    user_agent_string: String,
    family: String,
    major: Option<String>,
}

fn cases(name: &str) -> Vec<Case> {
    let cases: Cases = serde_yaml::from_str(&shared::text(name)).expect("YAML");
    cases.test_cases
}

/// The browsers most used, by the names the labels have for them, and ours.
const BROWSERS: &[(&str, &str)] = &[
    ("Chrome", "Chrome"),
    ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile iOS", "Chrome"),
    ("Chromium", "Chrome"),
    ("Safari", "Safari"),
    ("Mobile Safari", "Safari"),
    ("Mobile Safari UI/WKWebView", "Safari"),
    ("Edge", "Edge"),
    ("Edge Mobile", "Edge"),
    ("Firefox", "Firefox"),
    ("Firefox Mobile", "Firefox"),
    ("Firefox iOS", "Firefox"),
    ("Samsung Internet", "Samsung Internet"),
    ("Opera", "Opera"),
    ("Opera Mobile", "Opera"),
    ("Opera Mini", "Opera Mini"),
    ("UC Browser", "UC Browser"),
    ("Android", "Android Browser"),
    ("IE", "Internet Explorer"),
    ("Yandex Browser", "Yandex"),
    ("QQ Browser", "QQ Browser"),
    ("QQ Browser Mobile", "QQ Browser"),
    ("Vivaldi", "Vivaldi"),
    ("Brave", "Brave"),
    ("DuckDuckGo Mobile", "DuckDuckGo"),
];

/// At least so many per cent of `n` agree; prints how many.
#[allow(clippy::print_stdout)] // for whoever runs the tests with --nocapture
fn agrees(wrong: &[String], n: usize, percent: usize) {
    let right = n - wrong.len();
    println!("{right} of {n}");
    assert!(
        right * 100 >= n * percent,
        "{right} of {n} agree:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn browsers_agree_with_labelled_agents() {
    let names: BTreeMap<_, _> = BROWSERS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut n = 0;
    for case in cases("ua/test_ua.yaml") {
        let Some(expected) = names.get(case.family.as_str()) else {
            continue;
        };
        n += 1;
        let found = read(&case.user_agent_string);
        let major = found.browser.as_ref().and_then(|b| b.major());
        let expected_major = case.major.as_deref().and_then(|major| major.parse().ok());
        if browser(&found) != *expected || major != expected_major {
            wrong.push(format!(
                "{expected} {expected_major:?}, not {} {major:?}: {}",
                browser(&found),
                case.user_agent_string
            ));
        }
    }
    assert!(n > 100, "{n}");
    agrees(&wrong, n, 97);
}

#[test]
fn systems_agree_with_labelled_agents() {
    let names: BTreeMap<&str, &[&str]> = [
        ("Windows", &["Windows", "Windows Mobile"][..]),
        ("Mac OS X", &["macOS"]),
        ("iOS", &["iOS", "iPadOS"]),
        ("Android", &["Android"]),
        ("Linux", &["Linux"]),
        ("Ubuntu", &["Linux"]),
        ("Fedora", &["Linux"]),
        ("Debian", &["Linux"]),
        ("Chrome OS", &["Chrome OS"]),
        ("Windows Phone", &["Windows Phone"]),
        ("FreeBSD", &["FreeBSD"]),
    ]
    .into_iter()
    .collect();
    let mut wrong = Vec::new();
    let mut n = 0;
    for case in cases("ua/test_os.yaml") {
        let agent = &case.user_agent_string;
        let Some(expected) = names.get(case.family.as_str()) else {
            continue;
        };
        // Apps do not always name the system that their libraries run on.
        if !(agent.starts_with("Mozilla/") || agent.starts_with("Opera/")) {
            continue;
        }
        n += 1;
        let found = read(agent);
        if !expected.contains(&os(&found)) {
            wrong.push(format!("{expected:?}, not {}: {agent}", os(&found)));
        }
    }
    assert!(n > 100, "{n}");
    agrees(&wrong, n, 97);
}

/// What an agent in wide use is, read the slow way: by the first thing of a list
/// that stands in it.
fn first_of<'a>(agent: &str, list: &[(&str, &'a str)]) -> &'a str {
    list.iter()
        .find(|(mark, _)| agent.contains(mark))
        .map_or("none", |(_, name)| name)
}

#[test]
fn agents_in_wide_use_are_read_right() {
    let rules = Rules::built_in();
    let agents = shared::text("bots/top-user-agents.txt");
    let mut wrong = Vec::new();
    let mut n = 0;
    for agent in agents.lines() {
        // Automation and apps without a browser have nothing to be read.
        if rules.bot(agent).is_some() || !agent.contains("Mozilla/") {
            continue;
        }
        n += 1;
        let found = read(agent);
        let expected_browser = first_of(
            agent,
            &[
                ("Instagram", "Instagram"),
                ("Twitter for", "X"),
                ("BytedanceWebview", "TikTok"),
                ("musical_ly", "TikTok"),
                ("TikTokLIVEStudio", "TikTok"),
                ("MicroMessenger", "WeChat"),
                ("GSA/", "Google app"),
                ("OPR/", "Opera"),
                ("Edg/", "Edge"),
                ("EdgA/", "Edge"),
                ("EdgiOS/", "Edge"),
                ("Edge/", "Edge"),
                ("SamsungBrowser", "Samsung Internet"),
                ("YaBrowser", "Yandex"),
                ("Yowser", "Yandex"),
                ("HuaweiBrowser", "Huawei Browser"),
                ("HeyTapBrowser", "HeyTap"),
                ("MQQBrowser", "QQ Browser"),
                ("QuarkPC", "Quark"),
                ("Ddg/", "DuckDuckGo"),
                ("Waterfox", "Waterfox"),
                ("Electron/", "Electron"),
                ("MSIE", "Internet Explorer"),
                ("Trident", "Internet Explorer"),
                ("FxiOS", "Firefox"),
                ("Firefox/", "Firefox"),
                ("CriOS", "Chrome"),
                ("Chrome/", "Chrome"),
                ("Safari/", "Safari"),
                ("iPhone", "Safari"),
                ("iPad", "Safari"),
                ("Macintosh", "Safari"),
            ],
        );
        let expected_os = first_of(
            agent,
            &[
                ("iPad", "iPadOS"),
                ("iPhone", "iOS"),
                ("Android", "Android"),
                ("CrOS", "Chrome OS"),
                ("Windows NT", "Windows"),
                ("Macintosh", "macOS"),
                ("X11", "Linux"),
            ],
        );
        let expected_device = match expected_os {
            "iPadOS" => Device::Tablet,
            "iOS" => Device::Mobile,
            "Android" if agent.contains("Mobile") && !agent.contains("Tablet") => Device::Mobile,
            "Android" => Device::Tablet,
            "none" => Device::Other,
            _ => Device::Desktop,
        };
        let right = browser(&found) == expected_browser
            && os(&found) == expected_os
            && found.device == expected_device;
        if !right {
            wrong.push(format!(
                "{expected_browser} on {expected_os} ({expected_device}), not {} on {} ({}): {agent}",
                browser(&found),
                os(&found),
                found.device
            ));
        }
    }
    assert!(n > 1_000, "{n}");
    agrees(&wrong, n, 98);
}

#[test]
fn one_of_each() {
    let said = |agent: &str| {
        let read = read(agent);
        let product = |product: &Option<systemprompt_web::Product>| {
            product.as_ref().map_or("none".to_owned(), |p| {
                format!("{} {}", p.name, p.version.as_deref().unwrap_or("?"))
            })
        };
        format!(
            "{} | {} | {}",
            read.device,
            product(&read.browser),
            product(&read.os)
        )
    };
    for (agent, expected) in [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
            "mobile | Safari 17.4.1 | iOS 17.4.1",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "tablet | Safari 16.6 | iPadOS 16.6",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/123.0.6312.52 Mobile/15E148 Safari/604.1",
            "mobile | Chrome 123.0.6312.52 | iOS 17.4",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/124.0 Mobile/15E148 Safari/605.1.15",
            "mobile | Firefox 124.0 | iOS 17.4",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/122.0.2365.99 Mobile/15E148 Safari/604.1",
            "mobile | Edge 122.0.2365.99 | iOS 17.4",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "desktop | Safari 17.4 | macOS 10.15.7",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36",
            "desktop | Chrome 123.0.0.0 | Windows 10",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36 Edg/123.0.2420.65",
            "desktop | Edge 123.0.2420.65 | Windows 10",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 OPR/108.0.0.0",
            "desktop | Opera 108.0.0.0 | Windows 10",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "desktop | Internet Explorer 11.0 | Windows 7",
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
            "desktop | Internet Explorer 8.0 | Windows XP",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
            "desktop | Firefox 124.0 | Linux ?",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36",
            "desktop | Chrome 123.0.0.0 | Chrome OS ?",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Mobile Safari/537.36",
            "mobile | Chrome 123.0.0.0 | Android 10",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36",
            "tablet | Chrome 123.0.0.0 | Android 13",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
            "mobile | Samsung Internet 24.0 | Android 13",
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:124.0) Gecko/124.0 Firefox/124.0",
            "mobile | Firefox 124.0 | Android 14",
        ),
        (
            "Mozilla/5.0 (Android 14; Tablet; rv:124.0) Gecko/124.0 Firefox/124.0",
            "tablet | Firefox 124.0 | Android 14",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTMM) AppleWebKit/537.36 (KHTML, like Gecko) Silk/112.5 like Chrome/112.0 Safari/537.36",
            "tv | Silk 112.5 | Android 9",
        ),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36",
            "tv | Tizen Browser 6.0 | Tizen 6.0",
        ),
        (
            "Mozilla/5.0 (PlayStation 5 3.20) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            "console | none | PlayStation 5",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; V2111) AppleWebKit/537.36 (KHTML, like Gecko) Brave Chrome/115.0.0.0 Mobile Safari/537.36",
            "mobile | Brave 115.0.0.0 | Android 13",
        ),
        ("", "other | none | none"),
        ("\u{0}\u{ffff}((((", "other | none | none"),
    ] {
        assert_eq!(said(agent), expected, "{agent}");
    }
}

#[test]
fn hints_win() {
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36";
    let android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
    let read = |agent: &str, hints: Hints<'_>| {
        let read = Rules::built_in().agent_with(agent, &hints);
        let os = read.os.expect("a system");
        let browser = read.browser.expect("a browser");
        format!(
            "{} | {} {} | {} {}",
            read.device,
            browser.name,
            browser.version.unwrap_or_default(),
            os.name,
            os.version.unwrap_or_default()
        )
    };
    // Brave tells itself from Chrome nowhere else.
    let brave = r#""Chromium";v="124", "Brave";v="124", "Not-A.Brand";v="99""#;
    let hints = Hints {
        brands: Some(brave),
        mobile: Some("?0"),
        platform: Some("\"Windows\""),
        platform_version: Some("\"15.0.0\""),
        ..Hints::default()
    };
    assert_eq!(read(chrome, hints), "desktop | Brave 124 | Windows 11");
    let edge = r#""Microsoft Edge";v="124.0.2478.51", "Chromium";v="124.0.6367.61", "Not-A.Brand";v="99.0.0.0""#;
    let hints = Hints {
        full_versions: Some(edge),
        brands: Some(r#""Chromium";v="124""#),
        platform: Some("\"Windows\""),
        platform_version: Some("\"10.0.0\""),
        ..Hints::default()
    };
    assert_eq!(
        read(chrome, hints),
        "desktop | Edge 124.0.2478.51 | Windows 10"
    );
    // Frozen agents say "Android 10; K" of every phone.
    let hints = Hints {
        brands: Some(r#""Google Chrome";v="124", "Chromium";v="124", "Not.A/Brand";v="24""#),
        mobile: Some("?1"),
        platform: Some("\"Android\""),
        platform_version: Some("\"14.0.0\""),
        ..Hints::default()
    };
    assert_eq!(read(android, hints), "mobile | Chrome 124 | Android 14.0.0");
    // A browser that is more than its engine stays itself.
    let opera = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 OPR/108.0.0.0";
    let hints = Hints {
        brands: Some(r#""Chromium";v="122""#),
        ..Hints::default()
    };
    assert_eq!(read(opera, hints), "desktop | Opera 108.0.0.0 | Windows 10");
    // Nonsense is ignored.
    let hints = Hints {
        brands: Some(";;v=,,\"\"\u{0}"),
        full_versions: Some(""),
        mobile: Some("yes"),
        platform: Some("\"\""),
        ..Hints::default()
    };
    assert_eq!(
        read(chrome, hints),
        "desktop | Chrome 124.0.0.0 | Windows 10"
    );
}
