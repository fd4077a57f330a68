//! Agents, one by one and side by side.

use serde_json::{Value, json};
use systemprompt_reporting::{Error, PeriodUsed};

use crate::agreement::{INPUT, UNPRICED, count, known, nanos, period};
use crate::store::Store;

/// Rows that a figure of an agent stands for.
fn of(agent: &str) -> String {
    format!("coalesce(agent, '') = '{agent}'")
}

fn name(row: &Value) -> &str {
    row["agent"].as_str().expect("a name")
}

impl Store {
    /// How many conversations an agent began in a period.
    async fn begun(&self, period: &PeriodUsed, agent: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from conversations \
             where first_at >= $1 and first_at < $2 and coalesce(agent, '') = $3",
        )
        .bind(period.since.0)
        .bind(period.until.0)
        .bind(agent)
        .fetch_one(self.pool())
        .await
        .expect("a count")
    }
}

#[tokio::test]
async fn figures_are_those_of_the_rows() {
    let store = Store::new().await;
    for since in ["since=24h", "since=9d&until=2d", "since=30d"] {
        let question = format!("agents/list?{since}");
        let answer = store.ask(&question).await;
        let period = period(&answer);
        assert_eq!(
            answer.rows.len(),
            4,
            "three agents, and requests that named none"
        );
        for row in &answer.rows {
            let condition = of(name(row));
            for (field, figure) in [
                ("requests", "count(*)".to_owned()),
                (
                    "completed",
                    "count(*) filter (where state = 'completed')".to_owned(),
                ),
                ("input_tokens", format!("sum({INPUT})")),
                (
                    "output_tokens",
                    "sum(output + reasoning + audio_output)".to_owned(),
                ),
                ("unpriced_requests", UNPRICED.to_owned()),
            ] {
                let raw = store.raw(&figure, &period, &condition).await;
                assert_eq!(count(row, field), raw, "{field} of {question}");
            }
            let cost = store.cost(&period, &condition).await;
            assert_eq!(known(row, "cost"), cost, "{question}");
            let completed = format!("state = 'completed' and {condition}");
            let exact = "percentile_disc(0.95) within group (order by latency_us)";
            let exact = store.raw(exact, &period, &completed).await as f64 / 1_000.0;
            let shown = row["p95_latency_ms"].as_f64().expect("a latency");
            assert!(
                (shown - exact).abs() <= exact * 0.022,
                "{shown} for {exact}"
            );
            let begun = store.begun(&period, name(row)).await;
            assert_eq!(count(row, "conversations"), begun, "{question}");
        }
    }
}

#[tokio::test]
async fn an_agent_was_last_active_where_its_last_request_is() {
    let store = Store::new().await;
    let answer = store.ask("agents/list?since=30d").await;
    let period = period(&answer);
    for row in &answer.rows {
        let seconds = "extract(epoch from max(created_at))";
        let last = store.raw(seconds, &period, &of(name(row))).await;
        let shown = row["last_active"].as_str().expect("a time");
        let rfc3339 = &time::format_description::well_known::Rfc3339;
        let shown = time::OffsetDateTime::parse(shown, rfc3339).expect("RFC 3339");
        let since = last - shown.unix_timestamp();
        assert!((0..3_600).contains(&since), "{row}: {since} s before");
    }
}

#[tokio::test]
async fn every_order_is_an_order() {
    let store = Store::new().await;
    let figure = |row: &Value, order: &str| match order {
        "requests" => count(row, "requests") as f64,
        "cost" => nanos(row, "cost") as f64,
        "tokens" => (count(row, "input_tokens") + count(row, "output_tokens")) as f64,
        "error-rate" => row["error_rate"].as_f64().expect("a rate"),
        _ => row["p95_latency_ms"].as_f64().expect("a latency"),
    };
    for order in ["requests", "cost", "tokens", "error-rate", "latency"] {
        let question = format!("agents/list?since=7d&sort_by={order}");
        let rows = store.ask(&question).await.rows;
        let figures: Vec<_> = rows.iter().map(|row| figure(row, order)).collect();
        assert!(figures.is_sorted_by(|a, b| a >= b), "{order}: {figures:?}");
        let first = store.ask(&format!("{question}&limit=1")).await;
        assert!(first.more && first.rows == rows[..1], "{order}");
    }
}

#[tokio::test]
async fn all_agents_together_are_all_requests() {
    let store = Store::new().await;
    let stats = store.row("agents/stats?since=7d").await;
    let requests = store.row("requests/stats?since=7d").await;
    for field in [
        "requests",
        "previous_requests",
        "error_rate",
        "previous_error_rate",
        "cost",
        "previous_cost",
        "average_latency_ms",
        "p95_latency_ms",
        "previous_p95_latency_ms",
    ] {
        assert_eq!(stats[field], requests[field], "{field}");
    }
    let list = store.ask("agents/list?since=7d").await.rows;
    let (unnamed, named): (Vec<_>, Vec<_>) = list.iter().partition(|row| name(row).is_empty());
    assert_eq!(count(&stats, "agents"), 3);
    assert_eq!(stats["without_agent"], unnamed[0]["requests"]);
    let spent: i64 = named.iter().map(|row| nanos(row, "cost")).sum();
    assert!((nanos(&stats, "cost_per_agent") - spent / 3).abs() <= 1);
    let begun: i64 = list.iter().map(|row| count(row, "conversations")).sum();
    assert_eq!(count(&stats, "conversations"), begun);

    let one = store.row("agents/stats?since=7d&agent=scout").await;
    let scout = named
        .iter()
        .find(|row| name(row) == "scout")
        .expect("listed");
    for field in [
        "requests",
        "cost",
        "p99_latency_ms",
        "conversations",
        "cost_per_conversation",
    ] {
        assert_eq!(one[field], scout[field], "{field}");
    }
    assert_eq!(
        (count(&one, "agents"), count(&one, "without_agent")),
        (1, 0)
    );
}

#[tokio::test]
async fn a_trend_has_every_step() {
    let store = Store::new().await;
    for (query, steps) in [("since=24h", 25), ("since=30d&group_by=day", 31)] {
        let question = format!("agents/trends?{query}&agent=scout&agent=writer");
        let answer = store.ask(&question).await;
        assert_eq!(answer.rows.len(), steps, "{question}");
        let period = period(&answer);
        let raw = store
            .raw("count(*)", &period, "agent in ('scout', 'writer')")
            .await;
        let sum: i64 = answer.rows.iter().map(|row| count(row, "requests")).sum();
        assert_eq!(sum, raw, "{question}");
    }
}

#[tokio::test]
async fn one_agent_is_shown_whole() {
    let store = Store::new().await;
    let answer = store.ask("agents/show?since=7d&name=scout").await;
    let (period, row) = (period(&answer), &answer.rows[0]);
    let listed = store.row("agents/list?since=7d&agent=scout").await;
    for (field, value) in listed.as_object().expect("a row") {
        assert_eq!(&row[field], value, "{field}");
    }
    let states = [
        "completed",
        "failed",
        "client_disconnect",
        "upstream_timeout",
        "paused",
        "shutdown",
        "lost",
    ];
    let ended: i64 = states.iter().map(|state| count(row, state)).sum();
    assert_eq!(ended, count(row, "requests"));

    let part = |name: &str| row[name].as_array().expect("a list");
    let sum = |name: &str, field: &str| part(name).iter().map(|row| count(row, field)).sum::<i64>();
    assert_eq!(sum("models", "requests"), ended);
    let shares: f64 = part("models")
        .iter()
        .filter_map(|row| row["share"].as_f64())
        .sum();
    assert!((shares - 1.0).abs() < 1e-4, "{shares}");
    let costs: Vec<_> = part("models")
        .iter()
        .map(|row| known(row, "cost"))
        .collect();
    assert!(costs.last() == Some(&None), "house-model has no price");
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");

    let failed = "count(*) filter (where state <> 'completed')";
    let failed = store.raw(failed, &period, &of("scout")).await;
    let told = part("top_errors");
    assert!(told.len() < 10 && told[0]["count"] != 1, "{told:?}");
    assert_eq!(sum("top_errors", "count"), failed);
    for error in told {
        let same = |field: &str| match &error[field] {
            Value::Null => format!("{field} is null"),
            Value::String(text) => format!("{field} = '{text}'"),
            other => format!("{field} = {other}"),
        };
        let condition = ["state", "http_status", "error_type", "error_code"].map(same);
        let condition = format!("agent = 'scout' and {}", condition.join(" and "));
        let raw = store.raw("count(*)", &period, &condition).await;
        assert_eq!(count(error, "count"), raw, "{condition}");
        let last = store
            .raw("extract(epoch from max(created_at))", &period, &condition)
            .await;
        let at = time::OffsetDateTime::from_unix_timestamp(last).expect("a time");
        let shown = error["last_seen"].as_str().expect("a time");
        assert!(
            shown.starts_with(&at.date().to_string()),
            "{shown} for {at}"
        );
    }
}

#[tokio::test]
async fn hours_are_those_of_the_clocks() {
    let store = Store::new().await;
    for zone in ["UTC", "America/New_York"] {
        let question = format!("agents/show?since=30d&name=writer&timezone={zone}");
        let answer = store.ask(&question).await;
        let period = period(&answer);
        for (hour, shown) in answer.rows[0]["requests_by_hour"]
            .as_array()
            .expect("hours")
            .iter()
            .enumerate()
        {
            let at = format!("extract(hour from created_at at time zone '{zone}') = {hour}");
            let condition = format!("agent = 'writer' and {at}");
            let raw = store.raw("count(*)", &period, &condition).await;
            assert_eq!(*shown, json!(raw), "{hour} h in {zone}");
        }
    }
}

#[tokio::test]
async fn tools_are_those_of_the_period_and_the_agent() {
    let store = Store::new().await;
    sqlx::raw_sql(
        "update ai_requests set tool_calls = 'search,fetch,search' where span_id % 3 = 0; \
         update ai_requests set tool_calls = 'other' where created_at < '2026-11-20'",
    )
    .execute(store.pool())
    .await
    .expect("tools");
    let answer = store.ask("agents/show?since=2d&name=scout").await;
    let third = "agent = 'scout' and span_id % 3 = 0";
    let asked = store.raw("count(*)", &period(&answer), third).await;
    assert_eq!(
        answer.rows[0]["tools"],
        json!([{ "tool": "search", "calls": 2 * asked }, { "tool": "fetch", "calls": asked }])
    );
}

#[tokio::test]
async fn an_agent_that_is_not_there_has_neighbours() {
    let store = Store::new().await;
    for (query, expected) in [
        (
            "name=scuot",
            "no agent named scuot made a request in the last 90 days; did you mean scout?",
        ),
        (
            "name=xyzzy",
            "no agent named xyzzy made a request in the last 90 days",
        ),
        (
            "name=scout&since=2025-01-01&until=2025-02-01",
            "scout made no request in this period, its last on 2026-11-25: ask about another period",
        ),
    ] {
        match store.try_ask(&format!("agents/show?{query}")).await {
            Err(Error::NotFound(message)) => assert_eq!(message, expected),
            other => panic!("{query}: {other:?}"),
        }
    }
}

/// Hour by hour, centuries would take longer than anybody waits.
#[tokio::test]
async fn hours_are_looked_at_for_years_and_no_longer() {
    let store = Store::new().await;
    let shown = store.row("agents/show?name=scout&since=2025-01-01").await;
    assert!(shown["requests"].as_i64().is_some_and(|n| n > 0), "{shown}");
    match store
        .try_ask("agents/show?name=scout&since=0395-05-10")
        .await
    {
        Err(Error::Usage(message)) => assert_eq!(
            message,
            "the period has more than 100000 hours: use a shorter one"
        ),
        other => panic!("{other:?}"),
    }
}
