//! Prices on the command line: seeing, bringing, and pricing again.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::answers::{Asked, json};
use crate::shell::line;

const FILE: &str = "
providers:
  house:
    calls: {web_search: 0.01}
    models:
      - model: argon
        aliases: [argon-2026-10-01]
        source: single 2026-11-20
        versions:
          - rates: {input: 3, output: 15, cache_read: 0.3}
          - from: 2026-11-20
            rates: {input: 2, output: 10, cache_read: 0.2}
            tiers: [{above_input_tokens: 200000, rates: {input: 4, output: 15}}]
            service_tiers: {batch: {times: 0.5}}
            regions: {eu: 1.1}
          - from: 2027-01-01
            rates: {input: 2.5, output: 12.5, cache_read: 0.25}
      - model: neon
        source: single 2026-11-20
        versions:
          - rates: {input: 0.125, output: 1}
";

fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prices");
    fs::write(&path, text).expect("written");
    let path = path.display().to_string();
    (folder, path)
}

async fn said(asked: &Asked, line: &str) -> String {
    let run = asked.run(line).await;
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
    run.out
}

#[tokio::test]
async fn prices_are_imported_listed_and_shown() {
    let asked = Asked::empty().await;
    let (_folder, path) = file(FILE);
    let import = format!("pricing import {path}");
    insta::assert_snapshot!(
        "pricing_import_dry",
        said(&asked, &format!("{import} --dry-run")).await
    );
    let none = said(&asked, "pricing list --provider house").await;
    assert_eq!(none, "No such prices.\n");
    let imported = said(&asked, &import).await;
    assert!(
        imported.ends_with("4 new, 0 changed, 0 the same. Imported.\n"),
        "{imported}"
    );
    assert_eq!(
        said(&asked, &import).await,
        "0 new, 0 changed, 4 the same. Nothing to import.\n"
    );
    insta::assert_snapshot!(
        "pricing_list",
        said(&asked, "pricing list --provider house").await
    );
    insta::assert_snapshot!(
        "pricing_list_all",
        said(&asked, "pricing list --model argon --all").await
    );
    insta::assert_snapshot!("pricing_show", said(&asked, "pricing show argon").await);
    let snapshot = json(
        &asked
            .run("pricing show argon-2026-10-01 --at 2026-11-19 --json")
            .await,
    );
    let states: Vec<_> = snapshot["prices"]
        .as_array()
        .expect("prices")
        .iter()
        .map(|price| (price["state"].as_str(), price["rates"]["input"].as_str()))
        .collect();
    assert_eq!(
        states,
        [
            (Some("in_force"), Some("3")),
            (Some("scheduled"), Some("2")),
            (Some("scheduled"), Some("2.5"))
        ]
    );
    let custom = "--set analytics.costs.custom_pricing.argon.input_per_1k=0.001 \
                  --set analytics.costs.custom_pricing.argon.output_per_1k=0.002";
    let own = json(
        &asked
            .run(&format!("pricing show argon --json {custom}"))
            .await,
    );
    assert_eq!(own["prices"][0]["provider"], "*");
    assert_eq!(own["prices"][2]["state"], "overridden", "{own}");
    let listed = json(&asked.run("pricing list --json").await);
    assert!(listed["prices"].as_array().expect("prices").len() > 150);
}

#[tokio::test]
async fn a_file_is_compared_with_what_is_in_force() {
    let asked = Asked::empty().await;
    let map = r#"{
        "claude-haiku-4-5": {"litellm_provider": "anthropic", "mode": "chat",
            "input_cost_per_token": 1e-06, "output_cost_per_token": 6e-06,
            "cache_read_input_token_cost": 1e-07,
            "cache_creation_input_token_cost": 1.25e-06,
            "cache_creation_input_token_cost_above_1hr": 2e-06},
        "groq/llama-9": {"litellm_provider": "groq", "mode": "chat",
            "input_cost_per_token": 1e-07, "output_cost_per_token": 2e-07}
    }"#;
    let (_folder, path) = file(map);
    insta::assert_snapshot!(
        "pricing_diff",
        said(&asked, &format!("pricing diff {path}")).await
    );
    let run = asked
        .run(&format!("pricing diff {path} --provider groq --json"))
        .await;
    assert_eq!(
        json(&run),
        json!({"compared": 1, "differences": [{
            "provider": "groq", "model": "llama-9", "from": "2026-11-25", "field": "model",
            "in_force": null, "file": "0.1"}]})
    );
    let import = format!("pricing import {path} --from 2026-11-01 --provider fast=groq");
    insta::assert_snapshot!("pricing_import_map", said(&asked, &import).await);
    let shown = said(&asked, "pricing show llama-9").await;
    assert!(
        shown.contains("fast") && shown.contains("2026-11-01"),
        "{shown}"
    );
}

#[tokio::test]
async fn history_is_priced_again() {
    let asked = Asked::new().await;
    let dry = asked
        .run("pricing recompute --since 2026-11-23 --until 2026-11-25 --dry-run")
        .await;
    assert_eq!(dry.code, 0, "{}", dry.err);
    insta::assert_snapshot!("pricing_recompute_dry", format!("{}\n{}", dry.err, dry.out));
    let line = "pricing recompute --since 2026-11-23 --until 2026-11-25 --json";
    let done = json(&asked.run(line).await);
    assert_eq!(done["dry_run"], false);
    assert_eq!(done["days"], 2);
    assert!(done["changed"].as_u64() > Some(0), "{done}");
    let models = done["models"].as_array().expect("models");
    let house = models.iter().find(|model| model["model"] == "house-model");
    let house = house.expect("it has requests");
    assert_eq!(
        (&house["changed"], &house["unpriced"]),
        (&json!(0), &house["requests"])
    );
    let again = asked.run(&line.replace(" --json", "")).await;
    assert!(again.out.contains(": no cost changes.\n"), "{}", again.out);
    assert_eq!(
        again.err,
        "2026-11-23: 0 changed, $0.00\n2026-11-24: 0 changed, $0.00\n"
    );
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let asked = Asked::empty().await;
    let (_folder, path) = file(FILE);
    let unknown = asked.run("pricing show xenon").await;
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert!(
        unknown.err.starts_with("error: no price for xenon; "),
        "{}",
        unknown.err
    );
    let dated = line(&format!("pricing import {path} --from 2026-11-01"));
    assert_eq!((dated.code, dated.out.as_str()), (2, ""));
    assert!(dated.err.contains("is no map of LiteLLM"), "{}", dated.err);
    let absent = line("pricing diff /nowhere/prices.yaml");
    assert_eq!(absent.code, 1);
    assert!(
        absent
            .err
            .starts_with("error: /nowhere/prices.yaml: cannot be read: "),
        "{}",
        absent.err
    );
    let (_folder, path) = file(&FILE.replace("output: 1}", "output: -1}"));
    let negative = line(&format!("pricing import {path}"));
    assert_eq!(negative.code, 1);
    assert!(
        negative
            .err
            .contains("price of house/neon: `rates.output` is negative: -1"),
        "{}",
        negative.err
    );
    for (args, complaint) in [
        ("pricing recompute", "--since <WHEN>"),
        (
            "pricing show argon --at soon",
            "`soon` is no date (YYYY-MM-DD)",
        ),
        (
            "pricing recompute --since today --until yesterday",
            "the period ends (yesterday) before it begins (today)",
        ),
    ] {
        let refused = line(args);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{args}");
        assert!(refused.err.contains(complaint), "{args}: {}", refused.err);
    }
}
