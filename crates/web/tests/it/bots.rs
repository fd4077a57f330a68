//! Programs are told from people's browsers, and by purpose and operator.

use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_web::{BotKind, Rules};

use crate::shared;

fn is_program(agent: &str) -> bool {
    let rules = Rules::built_in();
    rules.bot(agent).is_some() || rules.tool(agent).is_some()
}

/// Every agent of a public collection of crawlers is caught, but for those that
/// are people's apps.
#[test]
fn crawlers_are_caught() {
    let crawlers: Value =
        serde_json::from_str(&shared::text("bots/crawler-user-agents.json")).expect("JSON");
    let agents: Vec<&str> = crawlers
        .as_array()
        .expect("an array")
        .iter()
        .flat_map(|crawler| crawler["instances"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    assert!(agents.len() > 2_000, "{}", agents.len());
    let missed: Vec<_> = agents.iter().filter(|agent| !is_program(agent)).collect();
    let list = missed.iter().fold(String::new(), |mut list, agent| {
        let _ = write!(list, "\n{agent}");
        list
    });
    assert!(
        missed.len() * 100 <= agents.len(),
        "{} of {} missed:{list}",
        missed.len(),
        agents.len()
    );
}

/// What runs no browser for a person, among the agents in wide use: HTTP
/// libraries, automation, and scripts of somebody's own.
const AUTOMATION: &[&str] = &[
    "HeadlessChrome",
    "Cypress",
    "Cloudinary",
    "AirtableScripting",
    "Deno/",
    "Dart/",
    "VektaFounderEnrich",
    "DLE YT Autofill",
    "PageSpeedPlus",
];

#[test]
fn browsers_in_wide_use_are_people() {
    let agents = shared::text("bots/top-user-agents.txt");
    let called: Vec<_> = agents
        .lines()
        .filter(|agent| is_program(agent) && !AUTOMATION.iter().any(|tool| agent.contains(tool)))
        .collect();
    assert_eq!(called, Vec::<&str>::new());
}

#[test]
fn automation_in_wide_use_is_none() {
    let agents = shared::text("bots/top-user-agents.txt");
    for agent in agents.lines() {
        if AUTOMATION.iter().any(|tool| agent.contains(tool)) {
            assert!(is_program(agent), "{agent}");
        }
    }
}

/// Phones and apps whose names hold a word that programs have.
#[test]
fn innocent_names_are_people() {
    for agent in [
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 321.0.0.30.112 (iPhone14,5; iOS 17_4; en_US)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.29.6345",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/420.0.0.32.70;FBBV/489]",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
        "Nokia6300/2.0 (05.50) Profile/MIDP-2.0 Configuration/CLDC-1.1",
        "Lynx/2.8.9rel.1 libwww-FM/2.14",
        "MyApp/3.1 CFNetwork/1410 Darwin/22.6.0",
    ] {
        assert_eq!(Rules::built_in().bot(agent), None, "{agent}");
    }
}

/// Each AI agent by operator and purpose, as a list of public facts has them.
#[test]
fn ai_agents_by_operator_and_purpose() {
    let mut seen = 0;
    for row in shared::rows("bots/ai-agents.tsv") {
        let [token, operator, category, ..] = row.as_slice() else {
            panic!("{row:?}")
        };
        let kinds: &[BotKind] = match category.as_str() {
            "training" => &[BotKind::AiTraining],
            "search_index" => &[BotKind::AiSearch],
            "user_fetch" | "agent" => &[BotKind::AiUserFetch],
            // Words of robots.txt that no agent ever bears.
            "control" => continue,
            other => panic!("{other}"),
        };
        for agent in [
            format!("{token}/1.0"),
            format!(
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; {token}/1.2; +https://example.com/bot)"
            ),
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 {token}"
            ),
            token.to_lowercase(),
        ] {
            let bot = Rules::built_in()
                .bot(&agent)
                .unwrap_or_else(|| panic!("{agent}"));
            assert!(kinds.contains(&bot.kind), "{agent}: {bot:?}");
            assert!(bot.kind.is_ai());
            assert_eq!(bot.operator.as_deref(), Some(operator.as_str()), "{agent}");
        }
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

#[test]
fn purposes_and_operators() {
    let said = |agent: &str| match Rules::built_in().bot(agent) {
        None => "nobody".to_owned(),
        Some(bot) => {
            let by = bot
                .operator
                .map(|by| format!(" by {by}"))
                .unwrap_or_default();
            format!("{} {}{by}", bot.kind, bot.name)
        }
    };
    for (agent, expected) in [
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "search Googlebot by Google",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 8_3 like Mac OS X) AppleWebKit/600.1.4 (KHTML, like Gecko) Version/8.0 Mobile/12F70 Safari/600.1.4 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "search Googlebot by Google",
        ),
        (
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "search bingbot by Microsoft",
        ),
        (
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            "search yandex.com/bots by Yandex",
        ),
        (
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            "seo AhrefsBot by Ahrefs",
        ),
        (
            "Mozilla/5.0 (compatible; MJ12bot/v1.4.5; http://www.majestic12.co.uk/bot.php?+)",
            "seo MJ12bot by Majestic",
        ),
        (
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "social_preview facebookexternalhit by Meta",
        ),
        (
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "social_preview Slackbot by Slack",
        ),
        (
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
            "monitoring UptimeRobot by UptimeRobot",
        ),
        (
            "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 3 subscribers)",
            "feed Feedly by Feedly",
        ),
        (
            "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
            "feed UniversalFeedParser",
        ),
        ("curl/8.4.0", "http_library curl by curl"),
        (
            "python-requests/2.31.0",
            "http_library python-requests by Python",
        ),
        ("Go-http-client/2.0", "http_library Go-http-client by Go"),
        (
            "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
            "archiver archive.org_bot by Internet Archive",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "headless HeadlessChrome by Google",
        ),
        (
            "Mozilla/5.0 (Linux; Android 11; moto g power) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "monitoring Chrome-Lighthouse by Google",
        ),
        ("", "other no user agent"),
        ("-", "other no user agent"),
        ("FooBarCrawler/0.1", "other FooBarCrawler"),
        ("Some Newsfeed 3", "feed Newsfeed"),
        ("Mozilla/5.0 (compatible; Acme)", "other Acme"),
        ("Acme", "other Acme"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/99.0 Safari/537.36 (+https://acme.example)",
            "other Mozilla",
        ),
        ("Mozilla/5.0 zgrab/0.x", "nobody"),
        ("sqlmap/1.7#stable (https://sqlmap.org)", "nobody"),
    ] {
        assert_eq!(said(agent), expected, "{agent}");
    }
}

/// Nothing an agent can hold makes it more than a short name.
#[test]
fn names_are_short_and_harmless() {
    let long = format!("{}bot", "x".repeat(10_000));
    for agent in [
        long.as_str(),
        "evil\u{202e}bot\n\u{0}",
        "(((((bot",
        "bot/\"'<script>",
    ] {
        let bot = Rules::built_in().bot(agent).expect("a bot");
        assert!(bot.name.chars().count() <= 64);
        assert!(
            bot.name.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{:?}",
            bot.name
        );
    }
}
