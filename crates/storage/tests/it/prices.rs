//! Imported prices: kept, laid over the compiled ones, announced.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::postgres::PgListener;
use systemprompt_pricing::{Catalogue, CustomPrice, PriceFile, PriceVersion};
use systemprompt_storage::prices::{CHANNEL, import, in_force, listed, stamp};
use systemprompt_testkit::db::TestDb;
use time::macros::{date, datetime};

const NOW: time::OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

pub(crate) fn versions(models: &str) -> Vec<PriceVersion> {
    let text = format!("providers: {{anthropic: {{models: [{models}]}}}}");
    let file = PriceFile::from_yaml(&text, date!(2026 - 11 - 24)).expect("prices");
    file.versions
}

fn input(catalogue: &Catalogue, model: &str) -> String {
    let version = catalogue.find("anthropic", Some(model), None, NOW);
    let rates = &version.expect("a price").rates;
    rates.input.expect("stated").to_string()
}

#[tokio::test]
async fn an_import_lies_over_the_compiled_prices_and_under_the_profiles() {
    let db = TestDb::new().await;
    assert_eq!(
        listed(db.pool()).await.expect("prices").versions().count(),
        Catalogue::builtin().versions().count()
    );
    let before = stamp(db.pool()).await.expect("a stamp");
    let file = versions(
        "{model: claude-haiku-4-5, source: single 2026-11-24, versions: [
            {rates: {input: 7, output: 5}}]},
         {model: house, source: single 2026-11-24, versions: [
            {rates: {input: 1, output: 2}}, {from: 2026-11-24, rates: {input: 3, output: 4},
             tiers: [{above_input_tokens: 9, rates: {input: 6, output: 8}}]}]}",
    );
    import(db.pool(), &file, "test", NOW)
        .await
        .expect("imports");
    assert_ne!(stamp(db.pool()).await.expect("a stamp"), before);

    let custom = r#"{"house": {"input_per_1k": "0.5", "output_per_1k": "1"}}"#;
    let custom: BTreeMap<String, CustomPrice> = serde_json::from_str(custom).expect("prices");
    let all = in_force(db.pool(), &custom).await.expect("prices");
    assert_eq!(input(&all, "claude-haiku-4-5"), "7");
    assert_eq!(input(&all, "house"), "500");
    let without = listed(db.pool()).await.expect("prices");
    assert_eq!(input(&without, "house"), "3");
    let kept: Vec<PriceVersion> = without
        .versions()
        .filter(|version| version.model == "house")
        .cloned()
        .collect();
    assert_eq!(kept, file[1..], "what is imported comes back as it was");

    // The same model and date again: the later import counts.
    let again = versions(
        "{model: house, source: single 2026-11-24, versions: [
            {from: 2026-11-24, rates: {input: 9, output: 4}}]}",
    );
    import(db.pool(), &again, "test", NOW)
        .await
        .expect("imports");
    let mended = listed(db.pool()).await.expect("prices");
    assert_eq!(input(&mended, "house"), "9");
    let known: i64 = sqlx::query_scalar("select count(*) from price_versions")
        .fetch_one(db.pool())
        .await
        .expect("the query runs");
    assert_eq!(
        known, 4,
        "every version that could have made a cost is kept"
    );
    let audited: i64 = sqlx::query_scalar(
        "select sum(jsonb_array_length(detail->'versions'))::bigint from audit_events \
         where category = 'administration' and event = 'prices_changed'",
    )
    .fetch_one(db.pool())
    .await
    .expect("the query runs");
    assert_eq!(audited, 4);
}

#[tokio::test]
async fn an_import_is_announced() {
    let db = TestDb::new().await;
    let mut listener = PgListener::connect_with(db.pool()).await.expect("connects");
    listener.listen(CHANNEL).await.expect("listens");
    let file = versions(
        "{model: house, source: single 2026-11-24, versions: [{rates: {input: 1, output: 2}}]}",
    );
    import(db.pool(), &file, "test", NOW)
        .await
        .expect("imports");
    let heard = tokio::time::timeout(Duration::from_secs(60), listener.recv()).await;
    heard.expect("in time").expect("a notification");
}
