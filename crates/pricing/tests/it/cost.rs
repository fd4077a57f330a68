//! From usage to money, with figures worked out by hand.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use systemprompt_domain::money::Nanos;
use systemprompt_domain::usage::{OtherModel, Tokens, Usage};
use systemprompt_pricing::{Catalogue, Cost, CustomPrice, PriceVersion, Unit};

use crate::NOW;

fn cost(provider: &str, model: &str, usage: &Usage) -> Option<Cost> {
    Catalogue::builtin().cost(provider, Some(model), None, NOW, usage)
}

/// The total in dollars.
fn usd(provider: &str, model: &str, usage: &Usage) -> String {
    let cost = cost(provider, model, usage).unwrap_or_else(|| panic!("{model} is unpriced"));
    cost.total.to_string()
}

fn of(tokens: Tokens) -> Usage {
    Usage {
        tokens,
        ..Usage::default()
    }
}

fn in_out(input: u64, output: u64) -> Tokens {
    Tokens {
        input,
        output,
        ..Tokens::default()
    }
}

fn calls(kinds: &[(&str, u64)]) -> BTreeMap<String, u64> {
    kinds
        .iter()
        .map(|(kind, n)| ((*kind).to_owned(), *n))
        .collect()
}

#[test]
fn every_class_has_its_rate() {
    // 1,000×5 + 2,000×0.5 + 400×6.25 + 100×10 + 200×25 + 100×25, per million.
    let tokens = Tokens {
        cache_read: 2_000,
        cache_write_5m: 400,
        cache_write_1h: 100,
        reasoning: 100,
        ..in_out(1_000, 200)
    };
    assert_eq!(
        usd("anthropic", "claude-opus-4-5-20251101", &of(tokens)),
        "0.017"
    );

    // 100×2.5 + 50×40 + 30×10 + 20×80, per million.
    let tokens = Tokens {
        audio_input: 50,
        audio_output: 20,
        ..in_out(100, 30)
    };
    assert_eq!(
        usd("openai", "gpt-4o-audio-preview", &of(tokens)),
        "0.00415"
    );

    // 700×0.3 + 300×0.03 + 100×1 + 50×0.3 (tool input as input) + 40×2.5, per million.
    let tokens = Tokens {
        cache_read: 300,
        audio_input: 100,
        tool_input: 50,
        reasoning: 40,
        ..in_out(700, 0)
    };
    assert_eq!(usd("gemini", "gemini-2.5-flash", &of(tokens)), "0.000434");

    // 12 × 0.02 per million: below a micro-dollar and still there.
    assert_eq!(
        usd("openai", "text-embedding-3-small", &of(in_out(12, 0))),
        "0.00000024"
    );
    assert_eq!(
        usd(
            "openai",
            "gpt-3.5-turbo-0125",
            &of(in_out(1_000_000, 1_000_000))
        ),
        "2"
    );
    assert_eq!(usd("openai", "gpt-4-0613", &of(in_out(10, 10))), "0.0009");
}

#[test]
fn a_class_without_a_rate_is_never_free() {
    let every = Tokens {
        input: 1,
        cache_read: 1,
        cache_write_5m: 1,
        cache_write_1h: 1,
        audio_input: 1,
        tool_input: 1,
        output: 1,
        reasoning: 1,
        audio_output: 1,
    };
    // Six input classes at 30, three output classes at 60.
    assert_eq!(usd("openai", "gpt-4", &of(every)), "0.00036");
    // gpt-6 charges 12.5 for cache writes and knows no duration: 1 h costs the same.
    let written = Tokens {
        cache_write_1h: 1_000_000,
        ..Tokens::default()
    };
    assert_eq!(usd("openai", "gpt-6-sol", &of(written)), "5");
}

#[test]
fn a_custom_price_is_exact() {
    let price = |json: &str| serde_json::from_str::<CustomPrice>(json).unwrap();
    let catalogue = Catalogue::builtin()
        .with_custom(&BTreeMap::from([
            (
                "my-custom-model".into(),
                price(r#"{"input_per_1k": 0.01, "output_per_1k": 0.03}"#),
            ),
            (
                "cached".into(),
                price(
                    r#"{"input_per_1k": 0.01, "output_per_1k": 0.03,
                        "cache_read_per_1k": 0.001, "cache_write_per_1k": 0.02}"#,
                ),
            ),
        ]))
        .unwrap();
    let usd = |model: &str, usage: &Usage| {
        let cost = catalogue
            .cost("anything", None, Some(model), NOW, usage)
            .unwrap();
        cost.total.to_string()
    };
    let plain = of(in_out(1_000, 500));
    assert_eq!(usd("my-custom-model", &plain), "0.025");
    let cached = of(Tokens {
        cache_read: 1_000,
        cache_write_1h: 1_000,
        ..in_out(0, 0)
    });
    assert_eq!(usd("my-custom-model", &cached), "0.02");
    assert_eq!(usd("cached", &cached), "0.021");
    // The operator's price holds for whatever tier served the request.
    let tiers = Usage {
        service_tier: Some("on_demand".into()),
        ..plain
    };
    assert_eq!(usd("my-custom-model", &tiers), "0.025");
}

#[test]
fn a_tier_begins_strictly_above_its_threshold_and_covers_the_whole_request() {
    let cached = |input| {
        of(Tokens {
            cache_read: 100_000,
            ..in_out(input, 1_000)
        })
    };
    // 172,000×2.5 + 100,000×0.25 + 1,000×15, then 172,001×5 + 100,000×0.5 + 1,000×22.5.
    assert_eq!(usd("openai", "gpt-5.4", &cached(172_000)), "0.47");
    assert_eq!(usd("openai", "gpt-5.4", &cached(172_001)), "0.932505");
    let labelled = cost("openai", "gpt-5.4", &cached(172_001)).unwrap();
    assert!(
        labelled
            .lines
            .iter()
            .all(|line| line.tier.as_deref() == Some(">272000 input tokens"))
    );
    // 100,000×1.25 + 100,000×0.125 + 1,000×10, then 100,001×2.5 + 100,000×0.25 + 1,000×15.
    assert_eq!(usd("gemini", "gemini-2.5-pro", &cached(100_000)), "0.1475");
    assert_eq!(
        usd("gemini", "gemini-2.5-pro", &cached(100_001)),
        "0.2900025"
    );
    // The one tier at five times the price.
    assert_eq!(
        usd("anthropic", "claude-haiku-5-5", &of(in_out(100_000, 0))),
        "0.01"
    );
    assert_eq!(
        usd("anthropic", "claude-haiku-5-5", &of(in_out(100_001, 0))),
        "0.0500005"
    );
}

#[test]
fn the_served_tier_sets_the_rates() {
    let million = in_out(1_000_000, 0);
    let short = in_out(100_000, 0);
    let served = |tokens, tier: &str| Usage {
        service_tier: Some(tier.into()),
        ..of(tokens)
    };
    for (provider, model, usage, wanted) in [
        ("openai", "gpt-5", served(million, "default"), Some("1.25")),
        ("openai", "gpt-5", served(million, "auto"), Some("1.25")),
        ("openai", "gpt-5", served(million, "scale"), Some("1.25")),
        ("openai", "gpt-5", served(million, "flex"), Some("0.625")),
        ("openai", "gpt-5", served(million, "batch"), Some("0.625")),
        ("openai", "gpt-5", served(million, "priority"), Some("2.5")),
        (
            "openai",
            "gpt-5-mini",
            served(million, "fast"),
            Some("0.45"),
        ),
        ("openai", "gpt-5", served(million, "warp"), None),
        ("openai", "gpt-5-nano", served(million, "priority"), None),
        (
            "anthropic",
            "claude-opus-5",
            served(million, "standard"),
            Some("5"),
        ),
        (
            "anthropic",
            "claude-opus-5",
            served(million, "priority"),
            Some("5"),
        ),
        (
            "anthropic",
            "claude-opus-5",
            served(million, "batch"),
            Some("2.5"),
        ),
        (
            "gemini",
            "gemini-2.5-flash",
            served(million, "ON_DEMAND"),
            Some("0.3"),
        ),
        (
            "gemini",
            "gemini-2.5-flash",
            served(million, "ON_DEMAND_FLEX"),
            Some("0.15"),
        ),
        (
            "gemini",
            "gemini-2.5-flash",
            served(million, "ON_DEMAND_PRIORITY"),
            Some("0.54"),
        ),
        (
            "gemini",
            "gemini-2.5-flash",
            served(million, "PROVISIONED_THROUGHPUT"),
            Some("0.3"),
        ),
        // Batch and tier together: half of 2.5 per million.
        (
            "gemini",
            "gemini-2.5-pro",
            served(million, "batch"),
            Some("1.25"),
        ),
        (
            "gemini",
            "gemini-2.5-pro",
            served(short, "batch"),
            Some("0.0625"),
        ),
    ] {
        let total = cost(provider, model, &usage).map(|cost| cost.total.to_string());
        assert_eq!(total.as_deref(), wanted, "{model} {:?}", usage.service_tier);
    }
}

#[test]
fn speed_and_region_have_their_factors() {
    let usage = |tier: &str, speed: &str, region: &str| Usage {
        service_tier: Some(tier.into()),
        speed: Some(speed.into()),
        region: Some(region.into()),
        ..of(in_out(1_000_000, 0))
    };
    let opus = |usage: &Usage| cost("anthropic", "claude-opus-5", usage);
    let total = |usage: &Usage| opus(usage).unwrap().total.to_string();
    assert_eq!(total(&usage("standard", "standard", "global")), "5");
    assert_eq!(total(&usage("standard", "fast", "global")), "10");
    assert_eq!(total(&usage("standard", "standard", "us")), "5.5");
    assert_eq!(total(&usage("standard", "fast", "us")), "11");
    assert_eq!(total(&usage("batch", "standard", "us")), "2.75");
    assert_eq!(opus(&usage("batch", "fast", "us")), None);
    let line = opus(&usage("standard", "fast", "us"))
        .unwrap()
        .lines
        .remove(0);
    assert_eq!(line.tier.as_deref(), Some("fast, us ×1.1"));
    assert_eq!(line.rate, Decimal::from(11));
    // A model without fast mode: unpriced, not standard.
    assert_eq!(
        cost(
            "anthropic",
            "claude-haiku-4-5",
            &usage("standard", "fast", "global")
        ),
        None
    );
}

#[test]
fn calls_are_billed_beside_tokens() {
    let usage = Usage {
        calls: calls(&[("web_search", 3), ("web_fetch", 2), ("code_execution", 1)]),
        ..of(in_out(1_000, 0))
    };
    let cost = cost("anthropic", "claude-opus-4-5", &usage).unwrap();
    assert_eq!(cost.total.to_string(), "0.035");
    let items: Vec<_> = cost
        .lines
        .iter()
        .map(|line| (line.item.as_str(), line.unit))
        .collect();
    let wanted = [
        ("input", Unit::MillionTokens),
        ("web_fetch", Unit::Call),
        ("web_search", Unit::Call),
    ];
    assert_eq!(items, wanted);

    let usage = Usage {
        calls: calls(&[("web_search", 1), ("file_search", 2)]),
        ..Usage::default()
    };
    assert_eq!(usd("openai", "gpt-5", &usage), "0.015");
    // Grounding has a free allowance that an answer does not tell of.
    let usage = Usage {
        calls: calls(&[("web_search", 1)]),
        ..Usage::default()
    };
    assert_eq!(usd("gemini", "gemini-2.5-flash", &usage), "0");
}

#[test]
fn other_models_cost_their_own_price() {
    let advised_by = |model: &str| Usage {
        other_models: vec![OtherModel {
            model: model.into(),
            tokens: in_out(1_000, 100),
        }],
        ..of(in_out(1_000, 100))
    };
    let advised = cost(
        "anthropic",
        "claude-haiku-4-5",
        &advised_by("claude-opus-4-5"),
    )
    .unwrap();
    // 1,000×1 + 100×5 and 1,000×5 + 100×25, per million.
    assert_eq!(advised.total.to_string(), "0.009");
    let models: Vec<_> = advised
        .lines
        .iter()
        .map(|line| line.model.as_str())
        .collect();
    assert_eq!(models[1..3], ["claude-haiku-4-5", "claude-opus-4-5"]);
    assert_ne!(
        advised.lines[0].price_version,
        advised.lines[2].price_version
    );
    assert_eq!(advised.price_version, advised.lines[0].price_version);
    assert_eq!(
        cost("anthropic", "claude-haiku-4-5", &advised_by("nobody-knows")),
        None
    );
}

#[test]
fn a_request_is_rounded_once() {
    let third = |model: &str| {
        let price = r#"{"input_per_1k": 0.0000004, "output_per_1k": 0.0000004}"#;
        let custom = BTreeMap::from([(model.into(), serde_json::from_str(price).unwrap())]);
        Catalogue::builtin().with_custom(&custom).unwrap()
    };
    // 0.4 nano-dollars each way: nothing if each were rounded, 1 nano together.
    let usage = of(in_out(1, 1));
    let cost = third("m").cost("p", Some("m"), None, NOW, &usage).unwrap();
    assert_eq!(cost.total, Nanos(1));
    assert_eq!(cost.lines[0].cost.to_string(), "0.0000000004");
}

#[test]
fn unpriced_is_not_zero() {
    assert_eq!(cost("openai", "gpt-unheard-of", &of(in_out(1, 1))), None);
    assert_eq!(
        cost("openai", "gpt-4o", &Usage::default()).unwrap().total,
        Nanos::ZERO
    );
    // More than an amount can hold.
    assert_eq!(
        cost("openai", "gpt-4", &of(in_out(u64::MAX, u64::MAX))),
        None
    );
}

#[test]
fn the_arithmetic_replays_from_the_stored_version() {
    let usage = Usage {
        service_tier: Some("flex".into()),
        region: Some("eu".into()),
        calls: calls(&[("web_search", 1)]),
        ..of(Tokens {
            cache_read: 300_000,
            reasoning: 7,
            ..in_out(11, 13)
        })
    };
    let cost = cost("openai", "gpt-5.5", &usage).unwrap();
    let version = Catalogue::builtin()
        .find("openai", Some("gpt-5.5"), None, NOW)
        .unwrap();
    let stored = serde_json::to_string(version).unwrap();
    let version: PriceVersion = serde_json::from_str(&stored).unwrap();
    assert_eq!(version.lines(&usage), cost.lines);
    assert_eq!(version.id, cost.price_version);
}
