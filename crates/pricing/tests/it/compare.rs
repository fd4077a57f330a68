//! The catalogue against a third-party price map.

use std::collections::BTreeSet;

use serde::Deserialize;
use systemprompt_pricing::compare::compare;
use systemprompt_pricing::{Catalogue, SourceKind, parse_litellm};
use time::macros::date;

use crate::{NOW, shared};

const MAP: &str = "prices/litellm-model_prices_and_context_window.json";

#[test]
fn every_difference_is_explained() {
    let differences = compare(Catalogue::builtin(), &shared(MAP), NOW).unwrap();
    let unexplained: Vec<String> = differences
        .iter()
        .filter(|one| one.explained.is_none())
        .map(|one| {
            format!(
                "{} {}: {:?}, they {:?}",
                one.model, one.field, one.ours, one.theirs
            )
        })
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[test]
fn every_explanation_is_needed() {
    #[derive(Deserialize)]
    struct Explanation {
        because: String,
    }
    let text = include_str!("../../../../services/ai/price-differences.yaml");
    let table: Vec<Explanation> = serde_yaml::from_str(text).unwrap();
    let used: BTreeSet<String> = compare(Catalogue::builtin(), &shared(MAP), NOW)
        .unwrap()
        .into_iter()
        .filter_map(|difference| difference.explained)
        .collect();
    for explanation in table {
        assert!(
            used.contains(&explanation.because),
            "explains nothing: {}",
            explanation.because
        );
    }
}

#[test]
fn a_wrong_figure_of_ours_shows() {
    let ours = Catalogue::from_yaml(
        "providers: {openai: {models: [{model: gpt-4o, source: single 2026-11-23, versions: [
           {rates: {input: 2.5, output: 11, cache_read: 1.25}}]}]}}",
    )
    .unwrap();
    let map = r#"{
        "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
            "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06},
        "gpt-new": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06,
            "output_cost_per_token": 2e-06},
        "dall-e": {"litellm_provider": "openai", "mode": "image_generation"}
    }"#;
    let found: Vec<_> = compare(&ours, map, NOW)
        .unwrap()
        .into_iter()
        .map(|one| (one.model, one.field, one.ours, one.theirs, one.explained))
        .collect();
    let output = |usd: u32| Some(usd.into());
    assert_eq!(
        found,
        [
            (
                "gpt-4o".into(),
                "output".into(),
                output(11),
                output(10),
                None
            ),
            ("gpt-new".into(), "model".into(), None, output(1), None),
        ]
    );
}

#[test]
fn reads_a_map_into_price_versions() {
    let map = r#"{"gemini/g-1": {"litellm_provider": "gemini", "mode": "chat",
        "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
        "output_cost_per_reasoning_token": 1e-05, "cache_read_input_token_cost": 1.25e-07,
        "input_cost_per_token_above_200k_tokens": 2.5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_batches": 6.25e-07, "output_cost_per_token_batches": 5e-06,
        "input_cost_per_image": 0.001, "max_tokens": 100,
        "search_context_cost_per_query": {"search_context_size_medium": 0.014}}}"#;
    let listed = parse_litellm(map, date!(2026 - 11 - 23)).unwrap();
    let [one] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    let version = serde_json::to_value(&one.version).unwrap();
    let rates = |input: &str, cache_read: &str, output: &str| {
        serde_json::json!({"input": input, "cache_read": cache_read, "output": output,
            "reasoning": output})
    };
    assert_eq!(version["provider"], "gemini");
    assert_eq!(version["model"], "g-1");
    assert_eq!(version["from"], "2026-11-23");
    assert_eq!(version["rates"], rates("1.25", "0.125", "10"));
    assert_eq!(version["tiers"][0]["above_input_tokens"], 200_000);
    assert_eq!(version["tiers"][0]["rates"], rates("2.5", "0.25", "15"));
    assert_eq!(
        version["service_tiers"]["batch"]["rates"],
        rates("0.625", "0.0625", "5")
    );
    assert_eq!(version["calls"]["web_search"], "0.014");
    assert_eq!(one.version.source.kind, SourceKind::Imported);
    assert_eq!(
        one.left_out.keys().collect::<Vec<_>>(),
        ["input_cost_per_image"]
    );
}
