//! Lists and single requests, which read the rows themselves.

use insta::assert_json_snapshot;
use serde_json::{Value, json};
use systemprompt_domain::{Sampling, Tokens, Usage};
use systemprompt_pricing::Catalogue;
use systemprompt_reporting::{Error, Settings};
use time::macros::datetime;

use crate::store::Store;

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let store = Store::new().await;
    let all = store.ask("requests/list?since=2d&limit=1000").await;
    assert!(!all.more && all.rows.len() > 150);
    let times: Vec<_> = all
        .rows
        .iter()
        .map(|row| row["created_at"].to_string())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "the newest first");

    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = store
            .ask(&format!("requests/list?since=2d&limit=30{next}"))
            .await;
        paged.extend(ids(&page.rows));
        if !page.more {
            break;
        }
        next = format!("&before={}", paged.last().expect("a full page"));
    }
    assert_eq!(paged, ids(&all.rows));
}

#[tokio::test]
async fn every_filter_of_a_list_filters() {
    let store = Store::new().await;
    let all = store.ask("requests/list?since=7d&limit=1000").await.rows;
    let some = |field: &str, value: &str| {
        let matching = all.iter().filter(|row| row[field] == value).count();
        assert!(
            matching > 0 && matching < all.len(),
            "{field} {value}: {matching}"
        );
        matching
    };
    for (param, field, value) in [
        ("model", "model", "gpt-5.5"),
        ("provider", "provider", "gemini"),
        ("agent", "agent", "scout"),
        ("user", "user", "ada"),
        ("state", "state", "failed"),
        ("state", "state", "started"),
        ("state", "state", "stale"),
        ("conversation", "conversation_id", "conversation-3"),
    ] {
        let answer = store
            .ask(&format!(
                "requests/list?since=7d&limit=1000&{param}={value}"
            ))
            .await;
        assert_eq!(answer.rows.len(), some(field, value), "{param}={value}");
        assert!(
            answer.rows.iter().all(|row| row[field] == value),
            "{param}={value}"
        );
    }
    let trace = all[5]["trace_id"].as_str().expect("a trace");
    assert_eq!(trace.len(), 32);
    let answer = store
        .ask(&format!("requests/list?since=7d&trace={trace}"))
        .await;
    assert_eq!(answer.rows, [all[5].clone()]);
    let both = store
        .ask("requests/list?since=7d&limit=1000&state=failed&state=stale")
        .await;
    assert_eq!(
        both.rows.len(),
        some("state", "failed") + some("state", "stale")
    );
}

#[tokio::test]
async fn absent_is_not_zero() {
    let store = Store::new().await;
    let rows = store
        .ask("requests/list?since=7d&limit=1000&state=failed")
        .await
        .rows;
    assert!(
        rows.iter()
            .all(|row| row["input_tokens"].is_null() && row["cost"].is_null())
    );
    let rows = store
        .ask("requests/list?since=7d&limit=1000&model=house-model&state=completed")
        .await
        .rows;
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["cost"].is_null()),
        "no price is known"
    );
    assert!(rows.iter().any(|row| row["input_tokens"].is_number()));
}

#[tokio::test]
async fn a_request_is_found_by_the_beginning_of_its_id() {
    let store = Store::new().await;
    let rows = store
        .ask("requests/list?limit=1000&state=completed")
        .await
        .rows;
    let id = rows[0]["id"].as_str().expect("an id");
    for prefix in [id.to_owned(), id[..13].to_owned(), id.replace('-', "")] {
        assert_eq!(
            store.row(&format!("requests/show?id={prefix}")).await["id"],
            id,
            "{prefix}"
        );
    }

    let refused = |prefix: &str| {
        let question = format!("requests/show?id={prefix}");
        let store = &store;
        async move { store.try_ask(&question).await.expect_err("refused") }
    };
    assert!(matches!(refused("019").await, Error::Usage(_)), "too short");
    assert!(matches!(refused("01a212ff-ffff").await, Error::NotFound(_)));
    match refused("01a2122b5740").await {
        Error::Usage(message) => assert_eq!(
            message,
            "01a2122b5740 is ambiguous: 01a2122b-5740-7000-8000-000000000001, \
             01a2122b-5740-7000-8000-000000000002"
        ),
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(store.try_ask("requests/show").await, Err(Error::Usage(_))),
        "no id"
    );
}

#[tokio::test]
async fn a_request_under_way_is_shown_as_far_as_it_is_known() {
    let store = Store::new().await;
    assert_json_snapshot!(
        store
            .ask("requests/show?id=01a21181-0d80-7000-8000-000000000003")
            .await
    );
}

/// Stores one request with its prices, and asks for it.
async fn shown(store: &Store, usage: &Usage, cost_off_by: i64) -> Value {
    let catalogue = Catalogue::builtin();
    let at = datetime!(2026-11-25 09:00 UTC);
    let (provider, model) = ("anthropic", "claude-opus-4-8");
    let cost = catalogue
        .cost(provider, Some(model), None, at, usage)
        .expect("a listed model");
    for version in catalogue.versions() {
        sqlx::query(
            "insert into price_versions values ($1, $2, $3, $4, false, $5, $6) on conflict do nothing",
        )
        .bind(&version.id)
        .bind(&version.provider)
        .bind(&version.model)
        .bind(version.from)
        .bind(serde_json::to_value(version).expect("plain data"))
        .bind(at)
        .execute(store.pool())
        .await
        .expect("a price version");
    }
    let other = |model: &str| {
        catalogue
            .find(provider, Some(model), None, at)
            .map(|version| &version.id)
    };
    let others: Vec<_> = usage
        .other_models
        .iter()
        .map(|o| json!({ "model": o.model, "tokens": o.tokens, "price_version": other(&o.model) }))
        .collect();
    let tokens = usage.total();
    let id = uuid::Uuid::parse_str("01a211ee-ea80-7000-8000-000000000001").expect("a UUID");
    let created_at = systemprompt_domain::ids::time_of(id).expect("version 7");
    sqlx::raw_sql(
        "create table if not exists ai_requests_all partition of ai_requests \
         for values from (minvalue) to (maxvalue); delete from ai_requests",
    )
    .execute(store.pool())
    .await
    .expect("a partition");
    sqlx::query(
        "insert into ai_requests values ($1, $2, $1, -1, null, 'ada', 'scout', 'ci', null, null, false, \
         'anthropic', 'messages', 'opus', $3, 'req_1', 'msg_1', true, $4, 'completed', 200, null, null, \
         'end_turn', 'search,fetch', 'provider', false, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
         $15, $16, 'USD', $17, 1234567, 234567, 100, 200, $2)",
    )
    .bind(id)
    .bind(created_at)
    .bind(model)
    .bind(&usage.service_tier)
    .bind(tokens.input.cast_signed())
    .bind(tokens.cache_read.cast_signed())
    .bind(tokens.cache_write_5m.cast_signed())
    .bind(tokens.cache_write_1h.cast_signed())
    .bind(tokens.audio_input.cast_signed())
    .bind(tokens.tool_input.cast_signed())
    .bind(tokens.output.cast_signed())
    .bind(tokens.reasoning.cast_signed())
    .bind(tokens.audio_output.cast_signed())
    .bind(json!({ "other_models": others, "calls": usage.calls, "speed": usage.speed, "region": usage.region }))
    .bind(json!({ "input_tokens": tokens.input }))
    .bind(cost.total.0 + cost_off_by)
    .bind(&cost.price_version)
    .execute(store.pool())
    .await
    .expect("a request");
    store.row(&format!("requests/show?id={id}")).await
}

fn usage() -> Usage {
    let other = Tokens {
        input: 40_000,
        output: 700,
        ..Tokens::default()
    };
    Usage {
        tokens: Tokens {
            input: 1_001,
            cache_read: 200_000,
            cache_write_1h: 313,
            output: 77,
            ..Tokens::default()
        },
        other_models: vec![systemprompt_domain::usage::OtherModel {
            model: "claude-haiku-4-5".to_owned(),
            tokens: other,
        }],
        calls: [("web_search".to_owned(), 2)].into(),
        ..Usage::default()
    }
}

#[tokio::test]
async fn a_bill_is_computed_anew_to_the_last_digit() {
    let store = Store::empty().await;
    let row = shown(&store, &usage(), 0).await;
    assert_eq!(row["arithmetic_agrees"], true, "{row}");
    let models: Vec<_> = row["arithmetic"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| &line["model"])
        .collect();
    assert!(
        models.contains(&&json!("claude-opus-4-8")) && models.contains(&&json!("claude-haiku-4-5"))
    );
    assert_json_snapshot!("requests_show", row);
}

#[tokio::test]
async fn a_bill_that_is_wrong_is_told() {
    let store = Store::empty().await;
    assert_eq!(shown(&store, &usage(), 1).await["arithmetic_agrees"], false);
    sqlx::raw_sql("delete from price_versions")
        .execute(store.pool())
        .await
        .expect("deleted");
    let row = store.row("requests/show?id=01a211eeea80").await;
    assert_eq!(
        row["arithmetic"],
        json!([]),
        "without the prices there is no bill"
    );
    assert_eq!(row["arithmetic_agrees"], Value::Null);
}

/// What is told request by request misses those whose detail was left out; what
/// rollups and conversations count misses none.
#[tokio::test]
async fn only_what_comes_from_rows_is_a_sample() {
    let settings = Settings {
        sampling: Sampling::new(0.25),
        ..Settings::default()
    };
    let store = Store::new().await.under(settings);
    for (question, sampled) in [
        ("requests/list", Some(0.25)),
        ("agents/show?name=scout", Some(0.25)),
        ("conversations/show?id=conversation-7", Some(0.25)),
        ("requests/stats", None),
        ("agents/list", None),
        ("conversations/list", None),
    ] {
        assert_eq!(store.ask(question).await.sampled, sampled, "{question}");
    }
}
