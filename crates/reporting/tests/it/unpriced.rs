//! What has no price did not cost nothing: its cost is unknown in every answer.

use serde_json::Value;
use systemprompt_reporting::PeriodUsed;

use crate::agreement::count;
use crate::store::Store;

/// A model without a price did not cost nothing: what it cost is not known, wherever it
/// is asked for, and the same of the conversations, agents and days that used no other.
#[tokio::test]
async fn what_has_no_price_is_unknown_in_every_answer() {
    let store = Store::new().await;
    let unknown = |row: &Value, fields: &[&str], question: &str| {
        for field in fields {
            assert!(
                row.get(field).is_some_and(Value::is_null),
                "{field} of {question}: {row}"
            );
        }
    };
    for (question, name) in [
        ("requests/models?since=30d", "model"),
        ("requests/models?since=30d&sort_by=cost", "model"),
        ("costs/breakdown?since=30d", "name"),
    ] {
        let rows = store.ask(question).await.rows;
        let house = rows.iter().find(|row| row[name] == "house-model");
        let house = house.expect("the model without a price");
        assert!(count(house, "requests") > 0, "{house}");
        unknown(house, &["cost"], question);
        if let Some(share) = house.get("share") {
            assert!(share.is_null(), "{house}");
        }
        let others = rows.iter().filter(|row| row[name] != "house-model");
        assert!(
            others.clone().count() > 0 && others.into_iter().all(|row| row["cost"].is_string())
        );
    }
    let of_house = "model=house-model&since=30d";
    let money = [
        (
            "costs/summary",
            &["cost", "previous_cost", "change", "average_cost"][..],
        ),
        ("requests/stats", &["cost", "previous_cost"]),
    ];
    for (question, fields) in money {
        let question = format!("{question}?{of_house}");
        unknown(&store.row(&question).await, fields, &question);
    }
    let forecast = store.ask("costs/forecast?model=house-model").await;
    for row in &forecast.rows {
        let fields = ["cost", "forecast", "previous_cost", "change"];
        unknown(row, &fields, "costs/forecast");
    }
    for question in ["costs/trends", "requests/trends"] {
        let question = format!("{question}?{of_house}&group_by=week");
        for row in &store.ask(&question).await.rows {
            unknown(row, &["cost"], &question);
        }
    }
    // Nothing was asked of it yet: then it cost nothing.
    let before = "costs/summary?model=house-model&since=2026-09-01&until=2026-09-02";
    assert_eq!(store.row(before).await["cost"], "0");

    // Nobody had a price then.
    for sql in [
        "update ai_requests set cost_nanos = null, price_version = null",
        "update conversations c set cost_nanos = 0, unpriced = (select count(*) from ai_requests r \
             where r.conversation_id = c.conversation_id and usage_source <> 'none')",
        "update usage_quarter set cost_nanos = 0, unpriced = (input > 0)::int; \
         update usage_hour set cost_nanos = 0, unpriced = (input > 0)::int; \
         update usage_day set cost_nanos = 0, unpriced = (input > 0)::int",
        include_str!("begun.sql"),
    ] {
        sqlx::raw_sql(sql)
            .execute(store.pool())
            .await
            .expect("no prices");
    }
    let period = "since=30d";
    for (question, fields) in [
        (
            "agents/list",
            &["cost", "cost_per_request", "cost_per_conversation"][..],
        ),
        (
            "agents/stats",
            &[
                "cost",
                "previous_cost",
                "cost_per_agent",
                "cost_per_conversation",
            ],
        ),
        (
            "conversations/stats",
            &["cost", "previous_cost", "average_cost"],
        ),
        ("conversations/trends", &["cost"]),
        ("agents/trends", &["cost"]),
    ] {
        let question = format!("{question}?{period}");
        let answer = store.ask(&question).await;
        let used = |row: &&Value| row.get("output_tokens").is_none_or(|tokens| *tokens != 0);
        let mut rows = answer.rows.iter().filter(used).peekable();
        assert!(rows.peek().is_some(), "{question}");
        rows.for_each(|row| unknown(row, fields, &question));
    }
    let overview = store.ask("overview?since=24h").await;
    let cost = overview.rows.iter().find(|row| row["metric"] == "cost");
    unknown(
        cost.expect("the cost"),
        &["value", "previous", "change"],
        "overview",
    );
    let mut seen = 0;
    for list in ["conversations/list", "traces/list"] {
        let question = format!("{list}?{period}&limit=500");
        for row in store.ask(&question).await.rows {
            let id = row["conversation_id"].as_str().or(row["trace_id"].as_str());
            let id = id.expect("an id");
            let of = match list {
                "traces/list" => format!("trace_id = '{id}'"),
                _ => format!("conversation_id = '{id}'"),
            };
            let used = format!("usage_source <> 'none' and {of}");
            let whole = PeriodUsed {
                since: time::macros::datetime!(2026-10-01 0:00 UTC).into(),
                until: time::macros::datetime!(2026-12-01 0:00 UTC).into(),
                timezone: String::new(),
            };
            let used = store.raw("count(*)", &whole, &used).await > 0;
            assert_eq!(row["cost"].is_null(), used, "{question}: {row}");
            seen += i64::from(used);
            if list == "conversations/list" && seen < 20 {
                let shown = store.row(&format!("conversations/show?id={id}")).await;
                assert_eq!(shown["cost"], row["cost"]);
                for model in shown["models"].as_array().expect("models") {
                    let unpriced = count(model, "unpriced_requests") > 0;
                    assert_eq!(model["cost"].is_null(), unpriced, "{model}");
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
