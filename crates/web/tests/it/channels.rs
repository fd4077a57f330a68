//! Channels and sources, case by case.
//!
//! Long because it is a table of cases.

use proptest::prelude::*;
use systemprompt_web::{Arrival, Attribution, Channel, Rules};

fn from(url: &str, referrer: &str) -> Attribution {
    Rules::built_in().attribute(&Arrival {
        url,
        referrer: (!referrer.is_empty()).then_some(referrer),
        own_hosts: &["shop.example.net".to_owned()],
    })
}

/// Landing page, referrer, channel, source.
const CASES: &[(&str, &str, Channel, &str)] = &[
    // Nothing said.
    ("/", "", Channel::Direct, ""),
    ("https://example.com/", "", Channel::Direct, ""),
    ("/", "about:blank", Channel::Direct, ""),
    ("/", "-", Channel::Direct, ""),
    // AI assistants, before the search engines and networks they live below.
    ("/", "https://chatgpt.com/", Channel::AiAssistant, "ChatGPT"),
    (
        "/",
        "https://chat.openai.com/c/1",
        Channel::AiAssistant,
        "ChatGPT",
    ),
    (
        "/?utm_source=chatgpt.com",
        "",
        Channel::AiAssistant,
        "ChatGPT",
    ),
    (
        "/?utm_source=chatgpt.com",
        "https://www.google.com/",
        Channel::AiAssistant,
        "ChatGPT",
    ),
    (
        "/?utm_source=ChatGPT.com&utm_medium=referral",
        "",
        Channel::AiAssistant,
        "ChatGPT",
    ),
    ("/", "https://claude.ai/", Channel::AiAssistant, "Claude"),
    (
        "/",
        "https://www.perplexity.ai/search/x",
        Channel::AiAssistant,
        "Perplexity",
    ),
    (
        "/?utm_source=perplexity",
        "",
        Channel::AiAssistant,
        "Perplexity",
    ),
    (
        "/",
        "https://gemini.google.com/app",
        Channel::AiAssistant,
        "Gemini",
    ),
    (
        "/",
        "https://bard.google.com/",
        Channel::AiAssistant,
        "Gemini",
    ),
    (
        "/",
        "https://notebooklm.google.com/",
        Channel::AiAssistant,
        "NotebookLM",
    ),
    (
        "/",
        "https://copilot.microsoft.com/",
        Channel::AiAssistant,
        "Copilot",
    ),
    (
        "/",
        "https://www.bing.com/chat?q=x",
        Channel::AiAssistant,
        "Copilot",
    ),
    (
        "/",
        "https://x.com/i/grok?conversation=1",
        Channel::AiAssistant,
        "Grok",
    ),
    ("/", "https://grok.com/", Channel::AiAssistant, "Grok"),
    ("/", "https://www.meta.ai/", Channel::AiAssistant, "Meta AI"),
    (
        "/",
        "https://chat.deepseek.com/",
        Channel::AiAssistant,
        "DeepSeek",
    ),
    (
        "/",
        "https://chat.mistral.ai/chat",
        Channel::AiAssistant,
        "Le Chat",
    ),
    (
        "/",
        "https://yiyan.baidu.com/",
        Channel::AiAssistant,
        "Ernie",
    ),
    ("/", "https://duck.ai/", Channel::AiAssistant, "Duck.ai"),
    (
        "/",
        "https://you.com/search",
        Channel::AiAssistant,
        "You.com",
    ),
    (
        "/",
        "android-app://com.openai.chatgpt/",
        Channel::AiAssistant,
        "ChatGPT",
    ),
    // Search.
    (
        "/",
        "https://www.google.com/",
        Channel::OrganicSearch,
        "Google",
    ),
    (
        "/",
        "https://www.google.co.uk/search?q=x",
        Channel::OrganicSearch,
        "Google",
    ),
    (
        "/",
        "http://www.google.de/url?sa=t",
        Channel::OrganicSearch,
        "Google",
    ),
    (
        "/",
        "https://www.bing.com/search?q=x",
        Channel::OrganicSearch,
        "Bing",
    ),
    (
        "/",
        "https://duckduckgo.com/",
        Channel::OrganicSearch,
        "DuckDuckGo",
    ),
    (
        "/",
        "https://search.yahoo.com/",
        Channel::OrganicSearch,
        "Yahoo",
    ),
    (
        "/",
        "https://yandex.ru/search",
        Channel::OrganicSearch,
        "Yandex",
    ),
    (
        "/",
        "https://www.baidu.com/link",
        Channel::OrganicSearch,
        "Baidu",
    ),
    (
        "/",
        "https://search.brave.com/",
        Channel::OrganicSearch,
        "Brave Search",
    ),
    (
        "/",
        "https://www.ecosia.org/",
        Channel::OrganicSearch,
        "Ecosia",
    ),
    (
        "/",
        "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
        Channel::OrganicSearch,
        "Google",
    ),
    (
        "/?utm_source=google&utm_medium=organic",
        "",
        Channel::OrganicSearch,
        "Google",
    ),
    // A host that only looks like one.
    (
        "/",
        "https://google.evil.example/",
        Channel::Referral,
        "google.evil.example",
    ),
    (
        "/",
        "https://notgoogle.com/",
        Channel::Referral,
        "notgoogle.com",
    ),
    (
        "/",
        "https://chatgpt.com.evil.example/",
        Channel::Referral,
        "chatgpt.com.evil.example",
    ),
    // Social networks.
    (
        "/",
        "https://www.facebook.com/",
        Channel::OrganicSocial,
        "Facebook",
    ),
    (
        "/",
        "https://l.facebook.com/l.php?u=x",
        Channel::OrganicSocial,
        "Facebook",
    ),
    (
        "/",
        "https://lm.facebook.com/",
        Channel::OrganicSocial,
        "Facebook",
    ),
    ("/", "https://t.co/abc", Channel::OrganicSocial, "X"),
    (
        "/",
        "https://x.com/somebody/status/1",
        Channel::OrganicSocial,
        "X",
    ),
    (
        "/",
        "https://www.linkedin.com/feed/",
        Channel::OrganicSocial,
        "LinkedIn",
    ),
    ("/", "https://lnkd.in/x", Channel::OrganicSocial, "LinkedIn"),
    (
        "/",
        "https://news.ycombinator.com/item?id=1",
        Channel::OrganicSocial,
        "Hacker News",
    ),
    (
        "/",
        "https://old.reddit.com/r/rust",
        Channel::OrganicSocial,
        "Reddit",
    ),
    (
        "/",
        "android-app://com.linkedin.android/",
        Channel::OrganicSocial,
        "LinkedIn",
    ),
    (
        "/",
        "android-app://org.telegram.messenger",
        Channel::OrganicSocial,
        "Telegram",
    ),
    (
        "/?utm_source=ig&utm_medium=social",
        "",
        Channel::OrganicSocial,
        "Instagram",
    ),
    (
        "/?utm_source=team&utm_medium=social-media",
        "",
        Channel::OrganicSocial,
        "team",
    ),
    (
        "/?fbclid=abc",
        "https://m.facebook.com/",
        Channel::OrganicSocial,
        "Facebook",
    ),
    // Video and shops.
    (
        "/",
        "https://www.youtube.com/watch?v=1",
        Channel::OrganicVideo,
        "YouTube",
    ),
    (
        "/?utm_source=conference&utm_medium=video",
        "",
        Channel::OrganicVideo,
        "conference",
    ),
    (
        "/",
        "https://www.amazon.co.uk/dp/1",
        Channel::OrganicShopping,
        "Amazon",
    ),
    (
        "/?utm_source=feed&utm_campaign=summer-shop",
        "",
        Channel::OrganicShopping,
        "feed",
    ),
    (
        "/?utm_source=feed&utm_campaign=workshop-2026",
        "",
        Channel::Referral,
        "feed",
    ),
    // Paid.
    (
        "/?utm_source=google&utm_medium=cpc",
        "",
        Channel::PaidSearch,
        "Google",
    ),
    (
        "/?gclid=abc",
        "https://www.google.com/",
        Channel::PaidSearch,
        "Google",
    ),
    ("/?gclid=abc", "", Channel::PaidSearch, "Google"),
    (
        "/?msclkid=abc",
        "https://www.bing.com/",
        Channel::PaidSearch,
        "Bing",
    ),
    (
        "/?utm_source=bing&utm_medium=ppc",
        "",
        Channel::PaidSearch,
        "Bing",
    ),
    (
        "/?utm_source=facebook&utm_medium=paid_social",
        "",
        Channel::PaidSocial,
        "Facebook",
    ),
    (
        "/?utm_source=linkedin&utm_medium=cpc",
        "",
        Channel::PaidSocial,
        "LinkedIn",
    ),
    ("/?ttclid=abc", "", Channel::PaidSocial, "TikTok"),
    (
        "/?utm_source=youtube&utm_medium=cpv",
        "",
        Channel::PaidVideo,
        "YouTube",
    ),
    (
        "/?utm_source=youtube&utm_medium=cpc",
        "",
        Channel::PaidVideo,
        "YouTube",
    ),
    (
        "/?utm_source=ebay&utm_medium=cpc",
        "",
        Channel::PaidShopping,
        "eBay",
    ),
    (
        "/?utm_source=google&utm_medium=cpc&utm_campaign=Shopping_DE",
        "",
        Channel::PaidShopping,
        "Google",
    ),
    (
        "/?utm_source=partner&utm_medium=cpa",
        "",
        Channel::PaidOther,
        "partner",
    ),
    (
        "/?utm_source=partner&utm_medium=retargeting",
        "",
        Channel::PaidOther,
        "partner",
    ),
    (
        "/?utm_source=chatgpt.com&utm_medium=cpc",
        "",
        Channel::PaidOther,
        "ChatGPT",
    ),
    (
        "/?utm_source=network&utm_medium=banner",
        "",
        Channel::Display,
        "network",
    ),
    (
        "/?utm_source=network&utm_medium=cpm",
        "",
        Channel::Display,
        "network",
    ),
    (
        "/?utm_source=google&utm_medium=cpc&utm_campaign=cross-network",
        "",
        Channel::CrossNetwork,
        "Google",
    ),
    // Messages.
    (
        "/?utm_source=newsletter&utm_medium=email",
        "",
        Channel::Email,
        "newsletter",
    ),
    ("/?utm_source=newsletter", "", Channel::Email, "newsletter"),
    (
        "/?utm_source=google&utm_medium=email",
        "",
        Channel::Email,
        "Google",
    ),
    (
        "/",
        "https://mail.google.com/mail/u/0/",
        Channel::Email,
        "Gmail",
    ),
    (
        "/",
        "android-app://com.google.android.gm/",
        Channel::Email,
        "Gmail",
    ),
    ("/", "https://outlook.live.com/", Channel::Email, "Outlook"),
    ("/?utm_source=sms", "", Channel::Sms, "sms"),
    ("/?utm_source=shop&utm_medium=sms", "", Channel::Sms, "shop"),
    (
        "/?utm_source=app&utm_medium=web-push",
        "",
        Channel::Push,
        "app",
    ),
    (
        "/?utm_source=app&utm_medium=notification",
        "",
        Channel::Push,
        "app",
    ),
    (
        "/?utm_source=blogger&utm_medium=affiliate",
        "",
        Channel::Affiliates,
        "blogger",
    ),
    (
        "/?utm_source=show&utm_medium=podcast",
        "",
        Channel::Audio,
        "show",
    ),
    // Other sites and apps.
    (
        "/",
        "https://blog.example.org/post",
        Channel::Referral,
        "blog.example.org",
    ),
    (
        "/?ref=producthunt",
        "",
        Channel::OrganicSocial,
        "Product Hunt",
    ),
    ("/?ref=friend", "", Channel::Referral, "friend"),
    ("/?source=directory", "", Channel::Referral, "directory"),
    (
        "/",
        "android-app://com.acme.reader/",
        Channel::Referral,
        "com.acme.reader",
    ),
    (
        "/?utm_source=unknown",
        "https://www.google.com/",
        Channel::OrganicSearch,
        "unknown",
    ),
    // The site itself.
    (
        "https://example.com/b",
        "https://example.com/a",
        Channel::Direct,
        "",
    ),
    (
        "https://example.com/b",
        "https://www.example.com/a",
        Channel::Direct,
        "",
    ),
    (
        "https://www.example.com/b",
        "https://example.com/a",
        Channel::Direct,
        "",
    ),
    (
        "https://www.example.com/b",
        "https://docs.example.com/a",
        Channel::Direct,
        "",
    ),
    (
        "https://example.co.uk/",
        "https://www.example.co.uk/",
        Channel::Direct,
        "",
    ),
    ("/", "https://shop.example.net/basket", Channel::Direct, ""),
    ("/", "http://localhost:3000/", Channel::Direct, ""),
    (
        "https://example.co.uk/",
        "https://other.co.uk/",
        Channel::Referral,
        "other.co.uk",
    ),
    (
        "https://alice.github.io/",
        "https://bob.github.io/",
        Channel::Referral,
        "bob.github.io",
    ),
    // Spam, which counts as nothing.
    ("/", "http://semalt.com/crawler.php", Channel::Direct, ""),
    ("/", "http://5.semalt.com/", Channel::Direct, ""),
    (
        "/",
        "https://free-share-buttons-xyz.top/",
        Channel::Direct,
        "",
    ),
];

#[test]
fn case_by_case() {
    assert!(CASES.len() >= 60);
    for (url, referrer, channel, source) in CASES {
        let found = from(url, referrer);
        assert_eq!(
            (found.channel, found.source.as_deref().unwrap_or_default()),
            (*channel, *source),
            "{url} from {referrer}"
        );
    }
}

#[test]
fn what_is_kept_beside_the_channel() {
    let found = from(
        "/?utm_source=News&utm_medium=Email&utm_campaign=May&utm_term=t&utm_content=c&utm_id=7&gclid=G1",
        "https://www.blog.example.org/x",
    );
    assert_eq!(found.referrer_host.as_deref(), Some("blog.example.org"));
    let campaign = found.campaign;
    assert_eq!(campaign.source.as_deref(), Some("news"));
    assert_eq!(campaign.medium.as_deref(), Some("email"));
    assert_eq!(campaign.campaign.as_deref(), Some("May"));
    assert_eq!(campaign.term.as_deref(), Some("t"));
    assert_eq!(campaign.content.as_deref(), Some("c"));
    assert_eq!(campaign.id.as_deref(), Some("7"));
    let click = campaign.click.expect("a click id");
    assert_eq!((click.parameter, click.value.as_str()), ("gclid", "G1"));

    let spam = from("/", "http://semalt.com/");
    assert!(spam.spam);
    assert_eq!(spam.referrer_host, None);
    let own = from("https://example.com/b", "https://www.example.com/a");
    assert!(own.internal);
    assert_eq!(own.referrer_host, None);
}

/// Every host in public lists of assistants is one.
#[test]
fn listed_assistants_are_assistants() {
    for row in crate::shared::rows("referrers/ai-assistant-referrers.tsv") {
        let path = row
            .get(3)
            .map_or("/", |path| if path.is_empty() { "/" } else { path });
        let referrer = format!("https://{}{path}", row[0]);
        let found = from("/", &referrer);
        assert_eq!(found.channel, Channel::AiAssistant, "{referrer}");
        assert_eq!(found.source.as_deref(), Some(row[1].as_str()), "{referrer}");
    }
}

fn is_app(host: &str) -> bool {
    host.ends_with(".android") || host.starts_with("org.telegram.")
}

/// How much of public lists of search engines and networks our own know: the
/// great ones, of which there are few.
#[test]
fn great_search_engines_and_networks_are_known() {
    type Networks = std::collections::BTreeMap<String, Vec<String>>;
    let networks: Networks =
        serde_yaml::from_str(&crate::shared::text("referrers/matomo-Socials.yml")).expect("YAML");
    for name in [
        "Facebook",
        "Instagram",
        "LinkedIn",
        "Reddit",
        "Pinterest",
        "TikTok",
        "Bluesky",
        "Telegram",
        "WhatsApp",
        "Hacker News",
    ] {
        let Some(hosts) = networks.get(name) else {
            continue;
        };
        // Names of apps are written as hosts there.
        for host in hosts.iter().filter(|host| !is_app(host)) {
            let found = from("/", &format!("https://{host}/"));
            assert_eq!(found.channel, Channel::OrganicSocial, "{name}: {host}");
        }
    }
}

proptest! {
    /// Whatever is sent, there is a channel, and nothing kept is long or acts.
    #[test]
    fn anything_has_a_channel(url in ".{0,300}", referrer in ".{0,300}") {
        let found = from(&url, &referrer);
        for text in [found.source, found.referrer_host, found.campaign.medium].into_iter().flatten() {
            prop_assert!(text.chars().count() <= 253);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
