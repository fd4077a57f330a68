//! Tool calls: counts, rates and percentiles are those of the calls themselves, for
//! whoever may see them.

use serde_json::{Value, json};
use systemprompt_domain::histogram::{bucket_of, value_of};
use systemprompt_domain::reported::{Reported, Source, Stamp, ToolReport, ToolsReport};
use systemprompt_domain::tool::{ToolCalled, ToolDefinition, ToolStatus, ToolsListed, Via};
use systemprompt_domain::{Clock, EventId, TraceId};
use systemprompt_reporting::Error;
use systemprompt_storage::check::{Checked, check};
use systemprompt_storage::events::Events;
use systemprompt_testkit::events::tool_called;
use time::{Duration, OffsetDateTime};
use uuid::{NoContext, Timestamp, Uuid};

use crate::store::{NOW, Store};

/// A call so long ago.
struct Made {
    ago: Duration,
    tool: &'static str,
    agent: &'static str,
    user: &'static str,
    status: ToolStatus,
    millis: u64,
}

fn id(at: OffsetDateTime, nth: usize) -> EventId {
    let seconds = u64::try_from(at.unix_timestamp()).expect("after 1970");
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0)).as_u128();
    EventId(Uuid::from_u128(id & !0xffff | nth as u128))
}

fn report(made: &Made, nth: usize) -> Reported {
    let at = NOW - made.ago;
    let source = Source {
        stamp: Stamp::of(Some(id(at, nth)), NOW),
        user: Some(made.user.to_owned()).filter(|user| !user.is_empty()),
        agent: Some(made.agent.to_owned()),
        token: None,
        trace_id: Some(TraceId(Uuid::from_u128(nth as u128 + 1))),
    };
    let failed = made.status == ToolStatus::Failed;
    let (server, tool) = made.tool.split_once('/').expect("server/tool");
    let call = ToolCalled {
        server: server.to_owned(),
        tool: tool.to_owned(),
        via: Via::Layer,
        status: made.status,
        error_type: failed.then(|| "tool_error".to_owned()),
        latency_us: made.millis * 1_000,
        request_bytes: 10,
        response_bytes: 100,
        ..tool_called(source.stamp.id.0, at, TraceId::default())
    };
    Reported::Tool(Box::new(ToolReport::new(source, call)))
}

/// Two hundred calls of the last six days by three agents of four tools.
fn calls() -> Vec<Made> {
    let pick = |n: usize, of: &[&'static str]| of[n * 7 / 3 % of.len()];
    (0..200)
        .map(|n| Made {
            ago: Duration::minutes(1 + 43 * n as i64),
            tool: pick(n, &["docs/search", "docs/read", "web/search", "shell/run"]),
            agent: pick(n + 1, &["scout", "writer", "scout", "clerk"]),
            user: pick(n + 2, &["ada", "", "bob"]),
            status: ToolStatus::ALL[if n % 3 == 0 { n / 3 % 5 } else { 0 }],
            millis: 5 + (n as u64 * 37) % 900,
        })
        .collect()
}

async fn with_calls() -> (Store, Vec<Made>) {
    let store = Store::empty().await;
    let events = Events::new(store.pool().clone(), Clock::Fixed(NOW));
    let calls = calls();
    let reports: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(n, call)| report(call, n))
        .collect();
    let all: Vec<_> = reports.iter().collect();
    for _ in 0..2 {
        // The second time nothing is new.
        events.store(&all).await.expect("stored");
    }
    (store, calls)
}

fn count(calls: &[Made], which: impl Fn(&Made) -> bool) -> usize {
    calls.iter().filter(|call| which(call)).count()
}

#[tokio::test]
async fn figures_are_those_of_the_calls() {
    let (store, calls) = with_calls().await;
    assert_eq!(
        check(store.pool()).await.expect("checked"),
        Checked::default()
    );
    type Which = fn(&Made) -> bool;
    let questions: [(&str, Which); 7] = [
        ("", |_| true),
        ("&server=docs", |call| call.tool.starts_with("docs/")),
        ("&tool=search", |call| call.tool.ends_with("/search")),
        ("&agent=scout", |call| call.agent == "scout"),
        ("&agent=scout&server=web", |call| {
            call.agent == "scout" && call.tool.starts_with("web/")
        }),
        ("&user=ada", |call| call.user == "ada"),
        ("&server=nothing", |_| false),
    ];
    for (filter, which) in questions {
        let row = store.row(&format!("tools/stats?since=7d{filter}")).await;
        let of = |status| count(&calls, |call| which(call) && call.status == status);
        assert_eq!(row["executions"], count(&calls, which), "{filter}");
        for (name, status) in [
            ("success", ToolStatus::Success),
            ("failed", ToolStatus::Failed),
            ("timeout", ToolStatus::Timeout),
            ("cancelled", ToolStatus::Cancelled),
            ("needs_input", ToolStatus::NeedsInput),
        ] {
            assert_eq!(row[name], of(status), "{filter} {name}");
        }
        let question = format!("tools/trends?since=7d{filter}&group_by=day&timezone=UTC");
        let trend = store.ask(&question).await.rows;
        let steps = trend.iter().filter_map(|row| row["executions"].as_i64());
        let steps: i64 = steps.sum();
        assert_eq!(
            steps,
            i64::try_from(count(&calls, which)).expect("few"),
            "{filter}"
        );
    }
    // Percentiles are those of the histogram's slots.
    let mut latencies: Vec<u64> = calls
        .iter()
        .filter(|call| call.status == ToolStatus::Success)
        .map(|call| call.millis * 1_000)
        .collect();
    latencies.sort_unstable();
    let row = store.row("tools/stats?since=7d").await;
    for (name, q) in [
        ("p50_latency_ms", 0.5),
        ("p95_latency_ms", 0.95),
        ("p99_latency_ms", 0.99),
    ] {
        let rank = (latencies.len() as f64 * q).ceil() as usize - 1;
        let expected = value_of(bucket_of(latencies[rank])) / 1_000.0;
        let told = row[name].as_f64().expect("a latency");
        assert!((told - expected).abs() < 0.001, "{name}: {told} {expected}");
    }
    assert_eq!(
        (&row["tools"], &row["servers"], &row["agents"]),
        (&json!(4), &json!(3), &json!(3))
    );
}

#[tokio::test]
async fn tools_are_listed_and_sorted() {
    let (store, calls) = with_calls().await;
    let list = store.ask("tools/list?since=7d").await.rows;
    assert_eq!(list.len(), 4);
    for row in &list {
        let name = format!(
            "{}/{}",
            row["server"].as_str().unwrap(),
            row["tool"].as_str().unwrap()
        );
        assert_eq!(
            row["executions"],
            count(&calls, |call| call.tool == name),
            "{name}"
        );
    }
    for (sort_by, column) in [
        ("execution-count", "executions"),
        ("success-rate", "success_rate"),
        ("avg-time", "average_latency_ms"),
    ] {
        let rows = store
            .ask(&format!("tools/list?since=7d&sort_by={sort_by}"))
            .await
            .rows;
        let values: Vec<f64> = rows.iter().filter_map(|row| row[column].as_f64()).collect();
        assert!(
            values.is_sorted_by(|a, b| a >= b) && values.len() == 4,
            "{sort_by}: {values:?}"
        );
    }
}

#[tokio::test]
async fn a_tool_is_shown_with_its_errors_and_agents() {
    let (store, calls) = with_calls().await;
    let rows = store.ask("tools/show?name=search&since=7d").await.rows;
    assert_eq!(rows.len(), 2, "one of each server");
    for row in &rows {
        let name = format!("{}/search", row["server"].as_str().expect("a server"));
        let of = |status| count(&calls, |call| call.tool == name && call.status == status);
        let told: i64 = row["top_errors"]
            .as_array()
            .expect("errors")
            .iter()
            .filter_map(|way| way["count"].as_i64())
            .sum();
        let errors = of(ToolStatus::Failed) + of(ToolStatus::Timeout) + of(ToolStatus::Cancelled);
        assert_eq!(told as usize, errors, "{name}");
        let agents = row["agents"].as_array().expect("agents");
        let used: i64 = agents
            .iter()
            .filter_map(|agent| agent["executions"].as_i64())
            .sum();
        assert_eq!(used as usize, count(&calls, |call| call.tool == name));
    }
    let only = store
        .ask("tools/show?name=search&server=web&since=7d")
        .await
        .rows;
    assert_eq!(only.len(), 1);
    for (name, hint) in [("serch", "did you mean search?"), ("x", "no tool named x")] {
        let missing = store.try_ask(&format!("tools/show?name={name}")).await;
        let Err(Error::NotFound(text)) = missing else {
            panic!("{missing:?}")
        };
        assert!(text.contains(hint), "{text}");
    }
}

#[tokio::test]
async fn an_agent_sees_its_own_calls() {
    let (store, calls) = with_calls().await;
    let scout = store.seen_by("scout");
    let own = count(&calls, |call| call.agent == "scout");
    assert_eq!(scout.row("tools/stats?since=7d").await["executions"], own);
    assert_eq!(
        scout.row("tools/stats?since=7d&agent=clerk").await["executions"],
        0
    );
    let shown = scout.ask("tools/show?name=search&since=7d").await.rows;
    for row in &shown {
        for agent in row["agents"].as_array().expect("agents") {
            assert_eq!(agent["agent"], "scout");
        }
    }
    let errors = scout.ask("errors/patterns?since=7d").await.rows;
    let told: i64 = errors.iter().filter_map(|row| row["count"].as_i64()).sum();
    let failed = count(&calls, |call| {
        call.agent == "scout" && call.status.is_told()
    });
    assert_eq!(told as usize, failed);
    let overview = scout.ask("overview?since=7d").await.rows;
    let figure = overview.iter().find(|row| row["metric"] == "tool_calls");
    assert_eq!(figure.expect("listed")["value"], own);
    let list = scout.ask("traces/list?since=7d&limit=1000").await.rows;
    assert_eq!(list.len(), own, "each call has a trace of its own here");
}

#[tokio::test]
async fn other_questions_count_them_too() {
    let (store, calls) = with_calls().await;
    let of = |which: fn(&Made) -> bool| count(&calls, which);
    let errors = of(|call| matches!(call.status, ToolStatus::Failed | ToolStatus::Timeout));
    let row = store.row("activity/summary?since=7d").await;
    assert_eq!(
        (&row["mcp_calls"], &row["mcp_errors"]),
        (&json!(calls.len()), &json!(errors))
    );
    let row = store.row("activity/summary?since=7d&user=ada").await;
    assert_eq!(row["mcp_calls"], of(|call| call.user == "ada"));
    let row = store.row("activity/summary?since=7d&category=login").await;
    assert_eq!(row["mcp_calls"], Value::Null);
    let steps = store
        .ask("activity/usage?since=7d&group_by=day&timezone=UTC")
        .await
        .rows;
    let sum: i64 = steps
        .iter()
        .filter_map(|row| row["mcp_calls"].as_i64())
        .sum();
    assert_eq!(sum as usize, calls.len());
    let patterns = store.ask("errors/patterns?since=7d").await.rows;
    let shares: f64 = patterns
        .iter()
        .filter_map(|row| row["share"].as_f64())
        .sum();
    assert!((shares - 1.0).abs() < 1e-4, "{shares}");
    assert_eq!(
        store
            .ask("errors/patterns?since=7d&model=x")
            .await
            .rows
            .len(),
        0
    );
}

#[tokio::test]
async fn a_definition_that_was_never_seen_is_a_change() {
    let (store, _) = with_calls().await;
    let events = Events::new(store.pool().clone(), Clock::Fixed(NOW));
    let list = async |hash: &str| {
        let tool = |name: &str, hash: &str| ToolDefinition {
            name: name.to_owned(),
            hash: hash.to_owned(),
        };
        let source = Source {
            stamp: Stamp::of(None, NOW),
            user: None,
            agent: Some("scout".to_owned()),
            token: None,
            trace_id: None,
        };
        let listed = ToolsListed {
            at: NOW,
            server: "docs".to_owned(),
            tools: vec![tool("search", hash), tool("read", "r")],
            user: None,
            agent: None,
            token: None,
        };
        let listed = Reported::Tools(ToolsReport::new(source, listed));
        events.store(&[&listed]).await.expect("stored");
    };
    let told = async || -> i64 {
        let sql = "select count(*) from audit_events where event = 'tool_definition_changed'";
        sqlx::query_scalar(sql)
            .fetch_one(store.pool())
            .await
            .expect("a count")
    };
    for (hash, changes) in [("a", 0), ("a", 0), ("b", 1), ("b", 1), ("a", 1), ("c", 2)] {
        list(hash).await;
        assert_eq!(told().await, changes, "{hash}");
    }
    let row = store
        .row("tools/show?name=search&server=docs&since=7d")
        .await;
    assert_eq!(row["definitions"].as_array().map(Vec::len), Some(3));
    let read = store.row("tools/show?name=read&since=7d").await;
    assert_eq!(read["definition_changed"], false);
    let other = store
        .row("tools/show?name=search&server=web&since=7d")
        .await;
    assert_eq!(
        other["definitions"],
        json!([]),
        "of another server nothing is said"
    );
}
