//! Budgets, forecasts, unpriced requests and alerts, against rows that were
//! counted by hand.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use systemprompt_reporting::Error;
use time::macros::datetime;

use crate::store::Store;

/// The budgets by name.
async fn budgets(store: &Store) -> Vec<(String, Value)> {
    let rows = store.ask("costs/budgets").await.rows.into_iter();
    rows.map(|row| (row["name"].as_str().expect("a name").to_owned(), row))
        .collect()
}

async fn states(store: &Store) -> Vec<String> {
    let rows = budgets(store).await.into_iter();
    rows.map(|(name, row)| format!("{name}: {}", row["state"].as_str().expect("a state")))
        .collect()
}

async fn change(store: &Store, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(store.pool())
        .await
        .expect("a change");
}

#[tokio::test]
async fn each_budget_is_a_row_in_its_own_period() {
    let store = Store::empty().await.with_alerts().await;
    assert_eq!(
        states(&store).await,
        [
            "daily_cost: warning",
            "monthly_cost: ok",
            "daily_cost-agent-scout: paused",
            "weekly_cost-user-ada: resumed",
            "this hour: over",
        ]
    );
    let rows = budgets(&store).await;
    let day = &rows[0].1;
    assert_eq!(
        (&day["spent"], &day["limit"]),
        (&json!("62.5"), &json!("100"))
    );
    assert_eq!(
        (&day["left"], &day["reserved"]),
        (&json!("37.5"), &json!("2"))
    );
    assert_eq!(
        (&day["share"], &day["scope"]),
        (&json!(0.625), &Value::Null)
    );
    // 36,450 of 86,400 seconds are over.
    assert_eq!(day["pace"], json!(1.481481));
    assert_eq!(day["forecast"], json!("148.148148148"));
    assert_eq!(day["actions"], json!(["email"]));

    let untouched = &rows[1].1;
    assert_eq!(
        (&untouched["spent"], &untouched["share"]),
        (&json!("0"), &json!(0.0))
    );
    assert_eq!(untouched["period_start"], "2026-10-31T23:00:00Z");
    assert_eq!(untouched["period_end"], "2026-11-30T23:00:00Z");
    assert_eq!(untouched["timezone"], "Europe/Berlin");

    let over = &rows[3].1;
    assert_eq!(
        (&over["left"], &over["scope"]),
        (&json!("0"), &json!("user ada"))
    );
    assert_eq!(over["resumed_until"], "2026-11-25T12:00:00Z");
}

#[tokio::test]
async fn a_budget_begins_anew() {
    let store = Store::empty().await.with_alerts().await;
    let tomorrow = store.at(datetime!(2026-11-26 0:00 UTC));
    let rows = budgets(&tomorrow).await;
    let day = &rows[0].1;
    assert_eq!((&day["state"], &day["spent"]), (&json!("ok"), &json!("0")));
    assert_eq!(
        (&day["pace"], &day["forecast"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(rows[2].1["state"], "ok");
    assert_eq!(
        rows[3].1["state"], "paused",
        "the limit was lifted until noon"
    );
}

#[tokio::test]
async fn a_limit_that_was_raised_does_not_pause() {
    let store = Store::empty().await.with_alerts().await;
    let scout = "budget = 'daily_cost-agent-scout'";
    change(
        &store,
        &format!("update budget_periods set limit_nanos = 4000000000 where {scout}"),
    )
    .await;
    assert_eq!(states(&store).await[2], "daily_cost-agent-scout: warning");
    change(
        &store,
        &format!(
            "update budget_periods set spent_nanos = 5000000000, paused_at = null where {scout}"
        ),
    )
    .await;
    assert_eq!(states(&store).await[2], "daily_cost-agent-scout: paused");
}

#[tokio::test]
async fn an_agent_sees_its_own_budgets() {
    let scout = Store::new().await.with_alerts().await.seen_by("scout");
    assert_eq!(states(&scout).await, ["daily_cost-agent-scout: paused"]);
    let status = scout.ask("alerts/status").await;
    assert_eq!(status.rows.len(), 1);
    let history = scout.ask("alerts/history?since=7d").await;
    assert_eq!(history.rows.len(), 1);
    assert_eq!(history.rows[0]["alert"], "daily_cost-agent-scout");
    for foreign in ["daily_cost", "gone"] {
        let refused = scout
            .try_ask(&format!("alerts/history?since=7d&alert={foreign}"))
            .await;
        let Err(Error::NotFound(message)) = refused else {
            panic!("{foreign}: {refused:?}");
        };
        assert_eq!(
            message,
            format!("no alert is called {foreign}; there are: daily_cost-agent-scout")
        );
    }
    let paused = scout.ask("overview").await.rows.into_iter();
    let paused: Vec<_> = paused
        .filter(|row| row["section"] == "budgets")
        .map(|row| row["value"].clone())
        .collect();
    assert_eq!(paused, [0, 0, 1]);

    let own = scout.ask("costs/unpriced?since=30d").await;
    let all = Store::new().await;
    let filtered = all.ask("costs/unpriced?since=30d&agent=scout").await;
    assert_eq!(own.rows, filtered.rows);
    assert_eq!(
        scout.ask("costs/forecast").await.rows,
        all.ask("costs/forecast?agent=scout").await.rows
    );
}

#[tokio::test]
async fn without_alerts_there_is_nothing_to_hold() {
    let store = Store::empty().await;
    let answer = store.ask("costs/budgets").await;
    assert!(answer.rows.is_empty());
    let note = answer.note.expect("why there are none");
    assert!(note.contains("analytics.alerts"), "{note}");
}

#[tokio::test]
async fn unpriced_requests_are_those_without_a_price() {
    let store = Store::new().await;
    for (query, condition) in [
        ("since=30d", "true"),
        ("since=24h&agent=scout", "agent = 'scout'"),
        ("since=7d&user=ada", "user_id = 'ada'"),
    ] {
        let answer = store.ask(&format!("costs/unpriced?{query}")).await;
        let period = answer.period.expect("a period");
        let sql = format!(
            "select count(*) filter (where cost_nanos is null and usage_source <> 'none'), count(*), \
                 sum(input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input) \
                     filter (where cost_nanos is null and usage_source <> 'none')::bigint \
             from ai_requests \
             where created_at >= $1 and created_at < $2 and {condition}"
        );
        let (unpriced, all, input): (i64, i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
            .bind(period.since.0)
            .bind(period.until.0)
            .fetch_one(store.pool())
            .await
            .expect("figures");
        let sum = |field: &str| -> i64 {
            let rows = answer.rows.iter();
            rows.map(|row| row[field].as_i64().expect(field)).sum()
        };
        assert_eq!(sum("unpriced_requests"), unpriced, "{query}");
        assert_eq!(sum("input_tokens"), input, "{query}");
        assert!(unpriced > 0 && answer.rows.iter().all(|row| row["model"] == "house-model"));
        let shares = answer.rows.iter().filter_map(|row| row["share"].as_f64());
        let share = unpriced as f64 / all as f64;
        assert!((shares.sum::<f64>() - share).abs() < 1e-5, "{query}");
    }
    let priced = store.ask("costs/unpriced?model=gpt-5.5").await;
    assert!(priced.rows.is_empty());
    let note = "every request of the period has a price";
    assert_eq!(priced.note.as_deref(), Some(note));
}

#[tokio::test]
async fn a_model_that_has_a_price_now_hides_what_it_cannot_tell() {
    let store = Store::new().await;
    change(
        &store,
        "update usage_day set unpriced = 1, unpriced_tokens = 7 \
         where model = 'gpt-5.5' and cube = 'model' and bucket = '2026-11-01Z'",
    )
    .await;
    let row = store
        .row("costs/unpriced?since=2026-11-01&until=2026-11-02&model=gpt-5.5")
        .await;
    assert_eq!(row["unpriced_tokens"], 7);
    assert_eq!(
        (&row["input_tokens"], &row["output_tokens"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(row["first_seen"], "2026-11-01T00:00:00Z");
}

#[tokio::test]
async fn a_forecast_is_of_the_calendar() {
    let store = Store::new().await;
    let rows = store.ask("costs/forecast").await.rows;
    for (row, (period, current, before)) in rows.iter().zip([
        ("day", "since=today", "since=yesterday&until=today"),
        ("week", "since=this-week", "since=last-week&until=this-week"),
        (
            "month",
            "since=this-month",
            "since=last-month&until=this-month",
        ),
    ]) {
        assert_eq!(row["period"], period);
        let cost = store.row(&format!("costs/summary?{current}")).await["cost"].clone();
        assert_eq!(row["cost"], cost, "{period}");
        let before = store.row(&format!("costs/summary?{before}")).await["cost"].clone();
        assert_eq!(row["previous_cost"], before, "{period}");
    }
    assert_eq!(rows[0]["elapsed"], json!(0.421875));
    let dollars =
        |value: &Value| -> f64 { value.as_str().expect("text").parse().expect("dollars") };
    let end = dollars(&rows[0]["cost"]) / 0.421_875;
    assert!(
        (dollars(&rows[0]["forecast"]) - end).abs() < 1e-6,
        "{}",
        rows[0]
    );
    let change = end / dollars(&rows[0]["previous_cost"]) - 1.0;
    assert!((rows[0]["change"].as_f64().expect("a change") - change).abs() < 1e-5);

    let early = store.at(datetime!(2026-11-25 0:30 UTC));
    let day = early.row("costs/forecast").await;
    assert_eq!(
        (&day["forecast"], &day["change"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_zone_decides_where_days_begin() {
    let store = Store::new().await;
    let answer = store.ask("costs/forecast?timezone=America/New_York").await;
    assert_eq!(answer.rows[0]["since"], "2026-11-25T05:00:00Z");
    assert_eq!(answer.rows[1]["since"], "2026-11-23T05:00:00Z");
    assert_eq!(answer.rows[2]["since"], "2026-11-01T04:00:00Z");
    assert_eq!(answer.note, None);
    let halves = store.ask("costs/forecast?timezone=Asia/Kolkata").await;
    assert!(
        halves
            .note
            .is_some_and(|note| note.contains("Asia/Kolkata"))
    );
}

#[tokio::test]
async fn alerts_say_how_they_stand() {
    let store = Store::empty().await.with_alerts().await;
    let rows = store.ask("alerts/status").await.rows;
    let states: Vec<_> = rows.iter().map(|row| row["state"].clone()).collect();
    assert_eq!(
        states,
        [
            "warning", "ok", "paused", "resumed", "over", "warning", "ok"
        ]
    );
    let errors = &rows[5];
    assert_eq!(
        (&errors["value"], &errors["threshold"]),
        (&json!(0.0625), &json!(0.1))
    );
    assert_eq!(
        (&errors["sent"], &errors["undelivered"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        errors["last_error"],
        "not configured (notifications.webhook)"
    );
    let day = &rows[0];
    assert_eq!(day["last_error"], Value::Null, "it was sent in the end");
    let latency = &rows[6];
    assert_eq!(latency["value"], Value::Null, "its hour is over");
    assert_eq!(latency["reached_at"], "2026-11-25T07:40:00Z");
}

#[tokio::test]
async fn history_keeps_what_is_no_longer_set() {
    let store = Store::empty().await.with_alerts().await;
    let answer = store.ask("alerts/history?since=7d&limit=2").await;
    assert!(answer.more);
    assert_eq!(answer.rows[0]["alert"], "errors");
    assert_eq!(
        answer.rows[0]["deliveries"],
        json!([
            { "channel": "email", "state": "sent", "attempts": 1, "sent_at": "2026-11-25T10:05:01.000Z" },
            {
                "channel": "webhook", "state": "undelivered", "attempts": 0,
                "last_error": "not configured (notifications.webhook)",
            },
        ])
    );
    let gone = store.row("alerts/history?since=7d&alert=gone").await;
    assert_eq!(
        (&gone["value"], &gone["unit"]),
        (&json!(12), &json!("count"))
    );
    let unknown = store.try_ask("alerts/history?alert=dayly_cost").await;
    let Err(Error::NotFound(message)) = unknown else {
        panic!("{unknown:?}");
    };
    assert!(
        message.starts_with("no alert is called dayly_cost; there are: daily_cost, monthly_cost,"),
        "{message}"
    );
}
