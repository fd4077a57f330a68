//! Who appears in a demonstration: people, agents, models, and when they work.

use rand::RngExt as _;
use rand::rngs::StdRng;
use systemprompt_domain::Api;
use time::{Date, Weekday};

/// People, the busiest first.
pub(super) const PEOPLE: [&str; 14] = [
    "maria.keller@example.com",
    "tom.okafor@example.com",
    "yuki.tanaka@example.com",
    "lena.fischer@example.com",
    "arjun.mehta@example.com",
    "sofia.rossi@example.com",
    "noah.jensen@example.com",
    "chloe.martin@example.com",
    "diego.alvarez@example.com",
    "hana.novak@example.com",
    "omar.haddad@example.com",
    "ines.costa@example.com",
    "peter.lang@example.com",
    "ruth.adeyemi@example.com",
];

/// What an agent is like.
pub(super) struct Agent {
    pub(super) name: &'static str,
    /// How often it is asked, against the others.
    pub(super) weight: f64,
    /// Its models, with how often it uses each.
    pub(super) models: &'static [(usize, f64)],
    /// Typical input and output, in tokens.
    pub(super) input: f64,
    pub(super) output: f64,
    /// Turns of a conversation, on average.
    pub(super) turns: f64,
    pub(super) tools: &'static [&'static str],
    /// Whether it works at night, by itself.
    pub(super) nightly: bool,
}

/// Agents, the busiest first.
pub(super) const AGENTS: [Agent; 8] = [
    Agent {
        name: "support-triage",
        weight: 30.0,
        models: &[(2, 0.8), (1, 0.2)],
        input: 2_600.0,
        output: 260.0,
        turns: 3.0,
        tools: &["search_tickets", "get_customer", "reply_draft"],
        nightly: false,
    },
    Agent {
        name: "code-review",
        weight: 22.0,
        models: &[(1, 0.7), (0, 0.3)],
        input: 14_000.0,
        output: 1_100.0,
        turns: 5.0,
        tools: &["read_file", "run_tests", "git_diff", "comment"],
        nightly: false,
    },
    Agent {
        name: "docs-writer",
        weight: 10.0,
        models: &[(1, 0.6), (4, 0.4)],
        input: 5_200.0,
        output: 1_900.0,
        turns: 4.0,
        tools: &["read_file", "search_docs"],
        nightly: false,
    },
    Agent {
        name: "data-analyst",
        weight: 9.0,
        models: &[(3, 0.6), (6, 0.4)],
        input: 8_800.0,
        output: 900.0,
        turns: 6.0,
        tools: &["run_query", "plot"],
        nightly: false,
    },
    Agent {
        name: "research-scout",
        weight: 7.0,
        models: &[(6, 0.7), (3, 0.3)],
        input: 18_000.0,
        output: 1_400.0,
        turns: 4.0,
        tools: &["web_search", "fetch_page"],
        nightly: false,
    },
    Agent {
        name: "nightly-evals",
        weight: 12.0,
        models: &[(2, 0.4), (4, 0.35), (5, 0.25)],
        input: 3_400.0,
        output: 500.0,
        turns: 1.0,
        tools: &[],
        nightly: true,
    },
    Agent {
        name: "release-notes",
        weight: 3.0,
        models: &[(5, 0.6), (7, 0.4)],
        input: 6_500.0,
        output: 700.0,
        turns: 2.0,
        tools: &["git_log"],
        nightly: false,
    },
    Agent {
        name: "",
        weight: 7.0,
        models: &[(4, 0.5), (1, 0.3), (3, 0.2)],
        input: 1_400.0,
        output: 420.0,
        turns: 3.0,
        tools: &[],
        nightly: false,
    },
];

/// Models: provider, interface, name. The last one nobody has a price for.
pub(super) const MODELS: [(&str, Api, &str); 8] = [
    ("anthropic", Api::Messages, "claude-opus-4-5"),
    ("anthropic", Api::Messages, "claude-sonnet-4-5"),
    ("anthropic", Api::Messages, "claude-haiku-4-5"),
    ("openai", Api::Responses, "gpt-5.1"),
    ("openai", Api::ChatCompletions, "gpt-4o-mini"),
    ("gemini", Api::GenerateContent, "gemini-2.5-flash"),
    ("gemini", Api::GenerateContent, "gemini-2.5-pro"),
    ("gemini", Api::GenerateContent, "lab-preview-1"),
];

pub(super) const SKILLS: [&str; 7] = [
    "summarise-thread",
    "write-changelog",
    "triage-ticket",
    "explain-query",
    "draft-reply",
    "review-diff",
    "translate-page",
];

pub(super) const PLUGINS: [&str; 4] = ["helpdesk", "warehouse", "docs-search", "release-bot"];

/// How much happens on a day: weeks have ends, use grows, and once there was a launch.
pub(super) fn weight(day: Date, ago: i64) -> f64 {
    let week = match day.weekday() {
        Weekday::Saturday => 0.22,
        Weekday::Sunday => 0.18,
        Weekday::Friday => 0.85,
        Weekday::Tuesday | Weekday::Wednesday => 1.1,
        _ => 1.0,
    };
    let growth = 1.0 - ago as f64 / 90.0 * 0.55;
    let launch = match ago {
        33 => 1.9,
        32 => 1.6,
        31 => 1.3,
        _ => 1.0,
    };
    week * growth * launch
}

/// An hour of a working day, or of the night.
pub(super) fn hour(random: &mut StdRng, nightly: bool) -> f64 {
    if nightly {
        return 1.5 + random.random::<f64>() * 2.2;
    }
    // Two humps, before and after lunch; a few work late.
    let (middle, wide) = match random.random::<f64>() {
        part if part < 0.45 => (9.6, 1.3),
        part if part < 0.9 => (14.3, 1.7),
        _ => (19.0, 2.4),
    };
    (middle + wide * normal(random)).clamp(0.0, 23.98)
}

/// Someone of a list whose first are the busiest.
pub(super) fn pick(random: &mut StdRng, n: usize) -> usize {
    let part: f64 = random.random::<f64>().powf(1.9);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below n
    let at = (part * n as f64) as usize;
    at.min(n - 1)
}

/// One of several by weight.
pub(super) fn choose<T>(random: &mut StdRng, of: &[T], weight: impl Fn(&T) -> f64) -> usize {
    let all: f64 = of.iter().map(&weight).sum();
    let mut left = random.random::<f64>() * all;
    for (i, one) in of.iter().enumerate() {
        left -= weight(one);
        if left <= 0.0 {
            return i;
        }
    }
    of.len() - 1
}

/// Around 0, rarely beyond 3.
pub(super) fn normal(random: &mut StdRng) -> f64 {
    let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum();
    sum - 6.0
}

/// Around a typical value, never negative, sometimes much more.
pub(super) fn about(random: &mut StdRng, typical: f64, spread: f64) -> u64 {
    let value = typical * (normal(random) * spread).exp();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // far below 2^53
    let value = value.round() as u64;
    value.max(1)
}
