//! The web site of a demonstration, and what comes to it: pages, browsers, countries,
//! ways that lead there, crawlers.

/// The site.
pub(super) const SITE: &str = "acme-tools.example";

/// A page.
pub(super) struct Page {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    /// How often it is looked at, against the others.
    pub(super) weight: f64,
    /// How often a visit begins with it, against looking at it later.
    pub(super) entry: f64,
    /// How long it holds people, typically.
    pub(super) seconds: f64,
    /// How many days ago it appeared, if it was not always there.
    pub(super) since: Option<i64>,
}

impl Page {
    /// The first part of its path.
    pub(super) fn section(&self) -> &'static str {
        self.path[1..].split('/').next().unwrap_or_default()
    }
}

const fn page(
    path: &'static str,
    title: &'static str,
    weight: f64,
    entry: f64,
    seconds: f64,
) -> Page {
    Page {
        path,
        title,
        weight,
        entry,
        seconds,
        since: None,
    }
}

impl Page {
    const fn since(mut self, days: i64) -> Self {
        self.since = Some(days);
        self
    }
}

/// Its pages.
pub(super) static PAGES: [Page; 17] = [
    page("/", "Acme Tools", 20.0, 2.2, 24.0),
    page("/pricing", "Pricing", 11.0, 0.5, 38.0),
    page("/docs/quickstart", "Quickstart", 14.0, 1.2, 105.0),
    page("/docs/install", "Install", 9.0, 0.9, 70.0),
    page("/docs/cli", "Command line reference", 8.0, 0.8, 85.0),
    page("/docs/gateway", "The gateway", 7.0, 0.7, 120.0),
    page("/docs/budgets", "Budgets and alerts", 5.0, 0.5, 90.0),
    page("/docs/mcp", "MCP servers", 6.0, 0.8, 95.0),
    page(
        "/blog/what-our-agents-cost",
        "What our agents cost us, to the cent",
        9.0,
        3.2,
        165.0,
    ),
    page(
        "/blog/streaming-without-losing-usage",
        "Streaming without losing usage",
        5.0,
        2.4,
        190.0,
    ),
    page(
        "/blog/budgets-that-hold",
        "Budgets that hold",
        4.0,
        2.2,
        150.0,
    ),
    page(
        "/blog/a-tamper-evident-audit-log",
        "A tamper-evident audit log in Rust",
        6.0,
        3.0,
        220.0,
    )
    .since(33),
    page(
        "/blog/tools-that-fail-quietly",
        "Tools that fail quietly",
        7.0,
        3.0,
        175.0,
    )
    .since(11),
    page("/changelog", "Changelog", 3.0, 0.4, 45.0),
    page(
        "/case-studies/northwind",
        "Northwind: 40 % less spend",
        3.0,
        0.9,
        110.0,
    ),
    page("/about", "About us", 2.0, 0.3, 28.0),
    page("/contact", "Talk to us", 2.0, 0.2, 34.0),
];

/// Browsers, with how often they come.
pub(super) static AGENTS: [(&str, f64); 9] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        30.0,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        22.0,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        14.0,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        11.0,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        9.0,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
        9.0,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        6.0,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        5.0,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        2.0,
    ),
];

/// Countries, with the language that is preferred there, and how many come from each.
pub(super) static COUNTRIES: [(&str, &str, f64); 14] = [
    ("US", "en-US", 27.0),
    ("DE", "de", 17.0),
    ("GB", "en-GB", 11.0),
    ("FR", "fr", 6.0),
    ("NL", "nl", 5.0),
    ("IN", "en-IN", 9.0),
    ("CA", "en-CA", 5.0),
    ("SE", "sv", 3.0),
    ("JP", "ja", 4.0),
    ("BR", "pt-BR", 4.0),
    ("PL", "pl", 3.0),
    ("ES", "es", 3.0),
    ("AU", "en-AU", 3.0),
    ("CH", "de-CH", 3.0),
];

/// A way that leads to the site.
pub(super) struct Arrival {
    pub(super) referrer: &'static str,
    pub(super) query: &'static str,
    pub(super) weight: f64,
}

const fn by(referrer: &'static str, query: &'static str, weight: f64) -> Arrival {
    Arrival {
        referrer,
        query,
        weight,
    }
}

pub(super) static ARRIVALS: [Arrival; 12] = [
    by("", "", 30.0),
    by("https://www.google.com/", "", 29.0),
    by("https://www.bing.com/", "", 4.0),
    by("https://duckduckgo.com/", "", 4.0),
    by("https://chatgpt.com/", "utm_source=chatgpt.com", 8.0),
    by("https://claude.ai/", "", 4.0),
    by("https://www.perplexity.ai/", "", 3.0),
    by("https://github.com/", "", 6.0),
    by("https://news.ycombinator.com/", "", 4.0),
    by("https://www.linkedin.com/", "", 3.0),
    by(
        "",
        "utm_source=newsletter&utm_medium=email&utm_campaign=november",
        3.0,
    ),
    by("https://blog.rust-lang.example/", "", 2.0),
];

/// A program that fetches pages.
pub(super) struct Bot {
    pub(super) agent: &'static str,
    pub(super) weight: f64,
    /// Pages of a visit, typically.
    pub(super) pages: f64,
    pub(super) country: &'static str,
}

const fn bot(agent: &'static str, weight: f64, pages: f64) -> Bot {
    Bot {
        agent,
        weight,
        pages,
        country: "US",
    }
}

pub(super) static BOTS: [Bot; 13] = [
    bot(
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        20.0,
        5.0,
    ),
    bot(
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        10.0,
        3.0,
    ),
    bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        14.0,
        8.0,
    ),
    bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        12.0,
        6.0,
    ),
    bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)",
        6.0,
        3.0,
    ),
    bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
        9.0,
        1.2,
    ),
    bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
        7.0,
        3.0,
    ),
    bot(
        "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
        4.0,
        9.0,
    ),
    bot(
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        6.0,
        5.0,
    ),
    bot(
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        3.0,
        1.0,
    ),
    bot(
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        8.0,
        1.0,
    ),
    bot("python-requests/2.32.3", 4.0, 2.0),
    bot("curl/8.9.1", 3.0, 1.0),
];

/// What scanners ask for.
pub(super) static SCANNED: [&str; 6] = [
    "/wp-login.php",
    "/.env",
    "/.git/config",
    "/phpmyadmin/index.php",
    "/xmlrpc.php",
    "/admin.php",
];
