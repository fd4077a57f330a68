//! Finding a price: names, dates, layers, and what is refused.

use std::collections::BTreeMap;

use systemprompt_pricing::{Catalogue, CustomPrice, LAUNCH, PriceVersion, parse_litellm};
use time::macros::{date, datetime};
use time::{Duration, OffsetDateTime};

use crate::NOW;

fn find(provider: &str, served: &str) -> Option<String> {
    let version = Catalogue::builtin().find(provider, Some(served), None, NOW);
    version.map(|version| version.model.clone())
}

fn input(catalogue: &Catalogue, provider: &str, model: &str, at: OffsetDateTime) -> String {
    let version = catalogue
        .find(provider, Some(model), None, at)
        .expect(model);
    version
        .rates
        .input
        .expect("every version has it")
        .to_string()
}

fn custom(entries: &[(&str, &str)]) -> BTreeMap<String, CustomPrice> {
    let price = |json: &&str| serde_json::from_str(json).expect("a custom price");
    entries
        .iter()
        .map(|(model, json)| ((*model).to_owned(), price(json)))
        .collect()
}

#[test]
fn the_named_families_have_prices() {
    for (provider, models) in [
        (
            "anthropic",
            "claude-2.1 claude-instant-1.2 claude-3-opus-20240229 claude-3-sonnet-20240229 \
             claude-3-haiku-20240307 claude-3-5-sonnet-latest claude-3-5-haiku-latest \
             claude-3-7-sonnet-20250219 claude-opus-4-20250514 claude-sonnet-4-20250514 \
             claude-opus-4-1 claude-opus-4-5 claude-opus-4-6 claude-opus-4-7 claude-opus-4-8 \
             claude-opus-5 claude-opus-5-5 claude-sonnet-4-5 claude-sonnet-4-6 claude-sonnet-5 \
             claude-sonnet-5-5 claude-haiku-4-5 claude-haiku-5-5",
        ),
        (
            "openai",
            "gpt-4 gpt-4-0613 gpt-4-32k gpt-4-turbo gpt-4-turbo-2024-04-09 gpt-4o \
             gpt-4o-2024-05-13 gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-4.5-preview \
             gpt-3.5-turbo gpt-3.5-turbo-0125 gpt-3.5-turbo-16k o1 o1-mini o1-preview o1-pro o3 \
             o3-mini o3-pro o4-mini gpt-5 gpt-5.5 gpt-6-sol text-embedding-3-small \
             text-embedding-3-large text-embedding-ada-002",
        ),
        (
            "gemini",
            "gemini-pro gemini-1.0-pro gemini-1.5-pro gemini-1.5-flash gemini-1.5-flash-8b \
             gemini-2.0-flash gemini-2.0-flash-lite gemini-2.5-pro gemini-2.5-flash \
             gemini-2.5-flash-lite gemini-3-pro-preview gemini-3-flash-preview gemini-3.8-flash \
             gemini-pro-latest gemini-flash-latest gemini-4-argon gemini-embedding-001",
        ),
    ] {
        for model in models.split_whitespace() {
            assert!(find(provider, model).is_some(), "{provider}/{model}");
        }
    }
}

#[test]
fn a_snapshot_has_the_price_of_its_model_and_of_no_other() {
    for (provider, served, model) in [
        ("openai", "gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
        ("openai", "gpt-4o-2027-01-31", Some("gpt-4o")),
        (
            "openai",
            "ft:gpt-4o-mini-2024-07-18:acme::id",
            Some("ft:gpt-4o-mini-2024-07-18"),
        ),
        ("openai", "gpt-4o-mini-tts", None),
        ("openai", "gpt-4o-mini-tts-2025-03-20", None),
        ("openai", "o1-unknown", None),
        ("openai", "ft:gpt-5:acme::id", None),
        ("openai", "gpt-oss-120b", None),
        (
            "anthropic",
            "claude-sonnet-4-5@20250929",
            Some("claude-sonnet-4-5"),
        ),
        ("gemini", "models/gemini-2.5-pro", Some("gemini-2.5-pro")),
        (
            "gemini",
            "gemini-2.5-pro-preview-03-25",
            Some("gemini-2.5-pro"),
        ),
        (
            "gemini",
            "gemini-2.5-flash-preview-05-20",
            Some("gemini-2.5-flash-preview"),
        ),
        (
            "gemini",
            "gemini-2.5-flash-preview-09-2025",
            Some("gemini-2.5-flash"),
        ),
        ("gemini", "gemini-2.5-flash-image", None),
        ("gemini", "claude-opus-4-5", None),
        ("groq", "gpt-4o", None),
    ] {
        assert_eq!(
            find(provider, served).as_deref(),
            model,
            "{provider}/{served}"
        );
    }
}

#[test]
fn the_served_model_counts_before_the_requested_one() {
    let find = |served, requested| {
        let version = Catalogue::builtin().find("openai", served, requested, NOW);
        version.map(|version| version.model.as_str())
    };
    assert_eq!(
        find(Some("gpt-4o-2024-05-13"), Some("gpt-4o")),
        Some("gpt-4o-2024-05-13")
    );
    assert_eq!(find(Some("nobody-knows"), Some("gpt-4o")), Some("gpt-4o"));
    assert_eq!(find(None, Some("gpt-4o")), Some("gpt-4o"));
    assert_eq!(find(None, None), None);
}

#[test]
fn a_price_is_in_force_from_midnight_of_its_day() {
    let builtin = Catalogue::builtin();
    for (provider, model, day, before, after) in [
        ("openai", "o3", datetime!(2025-06-10 0:00 UTC), "10", "2"),
        (
            "openai",
            "gpt-5.6",
            datetime!(2026-08-21 0:00 UTC),
            "5",
            "4",
        ),
        (
            "openai",
            "gpt-5.6-luna",
            datetime!(2026-07-30 0:00 UTC),
            "1",
            "0.2",
        ),
        (
            "gemini",
            "gemini-4-argon",
            datetime!(2026-12-01 0:00 UTC),
            "2",
            "4",
        ),
        (
            "gemini",
            "gemini-3.8-flash",
            datetime!(2027-01-01 0:00 UTC),
            "0.75",
            "1.5",
        ),
        (
            "gemini",
            "gemini-flash-latest",
            datetime!(2027-01-01 0:00 UTC),
            "0.75",
            "1.5",
        ),
    ] {
        assert_eq!(
            input(builtin, provider, model, day - Duration::SECOND),
            before,
            "{model}"
        );
        assert_eq!(input(builtin, provider, model, day), after, "{model}");
    }
    // The day is UTC's, wherever the time was read.
    let in_tokyo = datetime!(2025-06-10 8:59 +9);
    assert_eq!(input(builtin, "openai", "o3", in_tokyo), "10");
}

#[test]
fn a_time_before_the_first_version_uses_the_first() {
    let catalogue = Catalogue::from_yaml(
        "providers: {openai: {models: [{model: m, source: single 2026-01-01, versions: [
           {from: 2026-02-01, rates: {input: 2, output: 2}},
           {from: 2026-01-01, rates: {input: 1, output: 1}}]}]}}",
    )
    .unwrap();
    assert_eq!(
        input(&catalogue, "openai", "m", datetime!(2020-01-01 0:00 UTC)),
        "1"
    );
    assert_eq!(
        input(&catalogue, "openai", "m", datetime!(2026-02-01 0:00 UTC)),
        "2"
    );
}

#[test]
fn custom_prices_lie_over_the_catalogue() {
    let catalogue = Catalogue::builtin()
        .with_custom(&custom(&[
            (
                "gpt-4o",
                r#"{"input_per_1k": "0.001", "output_per_1k": "0.002"}"#,
            ),
            (
                "llama",
                r#"{"input_per_1k": 0.003, "output_per_1k": 0.004, "provider": "groq"}"#,
            ),
            (
                "openai/gpt-oss-120b",
                r#"{"input_per_1k": 0.005, "output_per_1k": 0.006}"#,
            ),
        ]))
        .unwrap();
    assert_eq!(input(&catalogue, "openai", "gpt-4o", NOW), "1");
    assert_eq!(input(&catalogue, "azure", "gpt-4o", NOW), "1");
    assert_eq!(input(&catalogue, "groq", "llama", NOW), "3");
    assert_eq!(input(&catalogue, "groq", "openai/gpt-oss-120b", NOW), "5");
    assert!(catalogue.find("openai", Some("llama"), None, NOW).is_none());
    // The requested name is the operator's word for the served snapshot …
    let served = Some("gpt-4o-2024-08-06");
    let version = catalogue
        .find("openai", served, Some("gpt-4o"), NOW)
        .unwrap();
    assert!(version.custom);
    // … but no reason to reprice a snapshot the catalogue knows.
    assert!(!catalogue.find("openai", served, None, NOW).unwrap().custom);
    assert_eq!(
        catalogue
            .versions()
            .filter(|version| version.custom)
            .count(),
        3
    );
}

#[test]
fn an_import_keeps_the_past_and_what_is_scheduled() {
    let map = r#"{"gemini-4-argon": {"litellm_provider": "gemini", "mode": "chat",
        "input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05}}"#;
    let listed = parse_litellm(map, date!(2026 - 11 - 23)).unwrap();
    let import = || listed.iter().map(|one| one.version.clone());
    let catalogue = Catalogue::builtin()
        .with_versions(import())
        .with_versions(import());
    let argon = |at| input(&catalogue, "gemini", "gemini-4-argon", at);
    assert_eq!(argon(datetime!(2026-11-22 23:59 UTC)), "2");
    assert_eq!(argon(NOW), "3");
    assert_eq!(argon(datetime!(2026-12-01 0:00 UTC)), "4");
    let count = |catalogue: &Catalogue| catalogue.versions().count();
    assert_eq!(count(&catalogue), count(Catalogue::builtin()) + 1);
}

#[test]
fn ids_name_the_figures() {
    let id = |model: &str| {
        let version = Catalogue::builtin()
            .versions()
            .find(|version| version.model == model);
        version.expect(model).id.clone()
    };
    // Stored costs point at these: they change with the figures and only then.
    assert_eq!(id("claude-opus-4-5"), "b1ce22ea7da9855f");
    assert_eq!(id("gpt-5.4"), "1364d03ee312d973");
    assert_eq!(id("gemini-2.5-pro"), "bbfb135df54b9e48");

    let with_input = |rate: &str| {
        let text = format!(
            "providers: {{p: {{models: [{{model: m, source: single 2026-01-01, versions: [
               {{rates: {{input: {rate}, output: 1}}}}]}}]}}}}"
        );
        let catalogue = Catalogue::from_yaml(&text).unwrap();
        catalogue.versions().next().unwrap().id.clone()
    };
    assert_eq!(with_input("2.5"), with_input("2.50"));
    assert_ne!(with_input("2.5"), with_input("2.6"));

    let mut ids: Vec<_> = Catalogue::builtin()
        .versions()
        .map(|version| &version.id)
        .collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_version_survives_storage() {
    for version in Catalogue::builtin().versions() {
        let json = serde_json::to_string(version).unwrap();
        assert_eq!(
            &serde_json::from_str::<PriceVersion>(&json).unwrap(),
            version
        );
    }
    let first = Catalogue::builtin().versions().next().unwrap();
    assert_eq!(first.from, LAUNCH);
}

#[test]
fn errors_name_the_model_and_the_key() {
    let error = |model: &str| {
        let text = format!("providers: {{openai: {{models: [{{{model}}}]}}}}");
        Catalogue::from_yaml(&text).expect_err(model).to_string()
    };
    let versions = |versions: &str| {
        error(&format!(
            "model: m, source: agreed 2026-01-01, versions: [{versions}]"
        ))
    };
    for (message, wanted) in [
        (
            versions("{rates: {inptu: 1, output: 1}}"),
            "unknown token class `inptu`",
        ),
        (versions("{rates: {input: cheap, output: 1}}"), "`input`: "),
        (versions("{rates: {input: 1}}"), "`rates.output` is missing"),
        (
            versions("{rates: {input: -1, output: 1}}"),
            "`rates.input` is negative: -1",
        ),
        (
            versions("{rates: {input: 0.0000000000001, output: 1}}"),
            "`rates.input` has more than",
        ),
        (
            versions("{rates: {input: 1, output: 1}, tier: []}"),
            "unknown field `tier`",
        ),
        (
            versions("{rates: {input: 1, output: 1}, calls: {x: -1}}"),
            "`calls.x` is negative",
        ),
        (
            versions("{rates: {input: 1, output: 1}, service_tiers: {flex: {rates: {input: 1}}}}"),
            "`service_tiers.flex.rates.output` is missing",
        ),
        (
            versions(
                "{rates: {input: 1, output: 1}, tiers: [
                   {above_input_tokens: 9, rates: {input: 2, output: 2}},
                   {above_input_tokens: 9, rates: {input: 3, output: 3}}]}",
            ),
            "`tiers`: thresholds must rise, 9 does not",
        ),
        (
            versions(
                "{from: 2026-01-01, rates: {input: 1, output: 1}},
                 {from: 2026-01-01, rates: {input: 2, output: 2}}",
            ),
            "two versions have `from: 2026-01-01`",
        ),
        (
            versions("{from: soon, rates: {input: 1, output: 1}}"),
            "`from`: `soon` is no date",
        ),
        (versions(""), "`versions` is empty"),
        (
            error("model: m, source: guessed, versions: []"),
            "unknown source `guessed`",
        ),
    ] {
        assert!(message.starts_with("price of openai/m: "), "{message}");
        assert!(message.contains(wanted), "{message}");
    }

    let twice = "{model: m, aliases: [m], source: agreed 2026-01-01, versions: [
        {rates: {input: 1, output: 1}}]}";
    let text = format!("providers: {{openai: {{models: [{twice}]}}}}");
    let error = Catalogue::from_yaml(&text).unwrap_err().to_string();
    assert_eq!(error, "price of openai/m: the name `m` is listed twice");

    let negative = custom(&[("mine", r#"{"input_per_1k": -1, "output_per_1k": 1}"#)]);
    let error = Catalogue::builtin()
        .with_custom(&negative)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "price of */mine: `rates.input` is negative: -1000");
}
