//! Files that operators import: what is read, and what it would change.

use systemprompt_domain::usage::{Tokens, Usage};
use systemprompt_pricing::{Catalogue, Change, MapOf, Planned, PriceFile, SourceKind};
use time::macros::{date, datetime};
use time::{Date, OffsetDateTime};

use crate::{NOW, shared};

const TODAY: Date = date!(2026 - 11 - 23);
const MAP: &str = "prices/litellm-model_prices_and_context_window.json";

fn litellm(text: &str) -> PriceFile {
    PriceFile::from_litellm(text, TODAY, &MapOf::default(), TODAY).expect("prices")
}

fn yaml(models: &str) -> PriceFile {
    let text = format!("providers: {{anthropic: {{models: [{models}]}}}}");
    PriceFile::from_yaml(&text, TODAY).expect("prices")
}

fn haiku(versions: &str) -> PriceFile {
    yaml(&format!(
        "{{model: claude-haiku-4-5, source: single 2026-11-23, versions: [{versions}]}}"
    ))
}

fn changed(plan: &[Planned]) -> impl Iterator<Item = &Planned> {
    plan.iter().filter(|one| one.change != Change::Same)
}

fn with(file: &PriceFile) -> Catalogue {
    let plan = Catalogue::builtin().plan(file).expect("a plan");
    let new: Vec<_> = changed(&plan).map(|one| one.version.clone()).collect();
    Catalogue::builtin().with_versions(new)
}

fn cost(catalogue: &Catalogue, served: &str, at: OffsetDateTime) -> i64 {
    let usage = Usage {
        tokens: Tokens {
            input: 1_000_000,
            ..Tokens::default()
        },
        ..Usage::default()
    };
    let cost = catalogue.cost("anthropic", Some(served), None, at, &usage);
    cost.expect("a price").total.0
}

#[test]
fn our_own_file_changes_nothing() {
    let text = include_str!("../../../../services/ai/prices.yaml");
    let file = PriceFile::from_yaml(text, TODAY).unwrap();
    assert_eq!(file.versions.len(), Catalogue::builtin().versions().count());
    let plan = Catalogue::builtin().plan(&file).unwrap();
    assert_eq!(changed(&plan).count(), 0);
}

#[test]
fn a_whole_map_is_read_and_imported_twice_changes_nothing() {
    let file = litellm(&shared(MAP));
    assert_eq!(
        file.contradictions,
        [(
            "gemini-exp-1206".to_owned(),
            "gemini/gemini-exp-1206".to_owned()
        )]
    );
    assert!(file.versions.len() > 150, "{}", file.versions.len());
    assert!(
        file.versions
            .iter()
            .all(|version| version.model != "gemini-exp-1206"
                && version.source.kind == SourceKind::Imported)
    );
    let first = with(&file);
    let again = first.plan(&file).unwrap();
    let left: Vec<_> = changed(&again)
        .map(|one| (&one.version.model, &one.differences))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn a_map_adds_what_it_says_and_takes_nothing_it_does_not_mention() {
    let file = litellm(
        r#"{"claude-haiku-4-5": {"litellm_provider": "anthropic", "mode": "chat",
            "input_cost_per_token": 2e-06, "output_cost_per_token": 5e-06}}"#,
    );
    let plan = Catalogue::builtin().plan(&file).unwrap();
    let [planned] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(planned.change, Change::Changed);
    assert_eq!(planned.version.from, TODAY);
    assert!(planned.version.calls.contains_key("web_search"));
    assert!(
        planned.version.service_tiers.is_empty(),
        "what derived from other rates is not known any more"
    );
    let fields: Vec<_> = planned
        .differences
        .iter()
        .map(|d| d.field.as_str())
        .collect();
    assert!(
        fields.contains(&"input") && fields.contains(&"batch"),
        "{fields:?}"
    );
}

#[test]
fn other_providers_are_imported_under_the_name_they_are_configured_by() {
    let text = r#"{"groq/llama-9": {"litellm_provider": "groq", "mode": "chat",
        "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}"#;
    assert_eq!(litellm(text).versions, []);
    let map = MapOf {
        providers: [("fast".to_owned(), "groq".to_owned())].into(),
    };
    let file = PriceFile::from_litellm(text, TODAY, &map, TODAY).unwrap();
    let catalogue = with(&file);
    let version = catalogue.find("fast", Some("llama-9"), None, NOW).unwrap();
    assert_eq!(version.from, TODAY);
    assert_eq!(version.id.len(), 16);
}

#[test]
fn a_mended_price_holds_for_the_models_snapshots() {
    let catalogue = with(&haiku("{rates: {input: 7, output: 5}}"));
    for served in ["claude-haiku-4-5", "claude-haiku-4-5-20251001"] {
        assert_eq!(cost(&catalogue, served, NOW), 7_000_000_000, "{served}");
    }
    let separate = with(&yaml(
        "{model: claude-haiku-4-5, source: single 2026-11-23, versions: [
            {rates: {input: 7, output: 5}}]},
         {model: claude-haiku-4-5-20251001, source: single 2026-11-23, versions: [
            {rates: {input: 8, output: 5}}]}",
    ));
    assert_eq!(cost(&separate, "claude-haiku-4-5", NOW), 7_000_000_000);
    assert_eq!(
        cost(&separate, "claude-haiku-4-5-20251001", NOW),
        8_000_000_000
    );
}

#[test]
fn a_scheduled_price_takes_effect_by_itself() {
    let catalogue = with(&haiku("{from: 2026-12-01, rates: {input: 3, output: 15}}"));
    let at = |at| cost(&catalogue, "claude-haiku-4-5", at);
    assert_eq!(at(NOW), 1_000_000_000);
    assert_eq!(at(datetime!(2026-11-30 23:59:59.999 UTC)), 1_000_000_000);
    assert_eq!(at(datetime!(2026-12-01 0:00 UTC)), 3_000_000_000);
}

#[test]
fn versions_are_judged_by_those_before_them_in_the_file() {
    // What is in force today, unless another price comes before it.
    let today = "{from: 2026-12-01, rates: {input: 1, output: 5, cache_read: 0.1,
        cache_write_5m: 1.25, cache_write_1h: 2}, service_tiers: {batch: {times: 0.5}},
        calls: {web_search: 0.01, web_fetch: 0}}";
    let alone = Catalogue::builtin().plan(&haiku(today)).unwrap();
    assert_eq!(alone[0].change, Change::Same, "{:?}", alone[0].differences);
    let both = haiku(&format!("{{rates: {{input: 7, output: 5}}}}, {today}"));
    let plan = Catalogue::builtin().plan(&both).unwrap();
    let changes: Vec<_> = plan.iter().map(|one| one.change).collect();
    assert_eq!(changes, [Change::Changed, Change::Changed]);
}

#[test]
fn a_file_that_contradicts_itself_is_refused() {
    let text = "providers: {p: {models: [{model: m, source: single 2026-11-23, versions: [
        {from: 2026-11-23, rates: {input: 1, output: 1}},
        {from: 2026-11-23, rates: {input: 2, output: 1}}]}]}}";
    let error = PriceFile::from_yaml(text, TODAY).unwrap_err().to_string();
    assert_eq!(error, "price of p/m: two versions have `from: 2026-11-23`");
}
