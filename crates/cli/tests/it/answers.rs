//! Answers over a database, and that the HTTP API says the same.

use std::fs;

use axum::Extension;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use rust_decimal::Decimal;
use serde_json::Value;
use systemprompt_config::{Alert, Analytics, Costs, ExchangeRate};
use systemprompt_domain::Clock;
use systemprompt_reporting::{Entry, QUERIES, Scope, Settings};
use systemprompt_server_core::api::{self, ApiState};
use systemprompt_testkit::db::TestDb;
use time::macros::date;
use tower::ServiceExt as _;

use crate::shell::{NOW, Run, systemprompt};

/// The alerts that the questions are tested with.
const ALERTS: &str = include_str!("../../../reporting/tests/it/alerts.json");

/// A session of the history.
const SESSION: &str = "01a2122a-6ce0-7000-9000-000000000001";

/// A database, and command lines that ask it.
pub(crate) struct Asked {
    pub(crate) db: TestDb,
    url: String,
}

impl Asked {
    pub(crate) async fn empty() -> Self {
        let db = TestDb::new().await;
        let url = db.url();
        Self { db, url }
    }

    /// The history that the questions are tested with.
    pub(crate) async fn new() -> Self {
        let asked = Self::empty().await;
        for sql in [
            include_str!("../../../reporting/tests/it/history.sql"),
            include_str!("../../../reporting/tests/it/rollups.sql"),
            include_str!("../../../reporting/tests/it/alerts.sql"),
            include_str!("../../../reporting/tests/it/activity.sql"),
            include_str!("../../../reporting/tests/it/tools.sql"),
            include_str!("../../../reporting/tests/it/web.sql"),
        ] {
            sqlx::raw_sql(sql)
                .execute(asked.db.pool())
                .await
                .expect("the history");
        }
        asked
    }

    /// Runs a command line against the database, on a thread of its own: it
    /// brings its own runtime.
    pub(crate) async fn run(&self, line: &str) -> Run {
        let (line, url) = (line.to_owned(), self.url.clone());
        let alerts = format!("analytics.alerts={ALERTS}");
        let run = move || {
            let common = ["--database-url", &url, "--set", &alerts];
            systemprompt(line.split(' ').chain(common))
        };
        tokio::task::spawn_blocking(run)
            .await
            .expect("the command line does not panic")
    }

    async fn some_id(&self) -> String {
        sqlx::query_scalar("select id::text from ai_requests where cost_nanos is not null order by id desc limit 1")
            .fetch_one(self.db.pool())
            .await
            .expect("a request")
    }

    async fn over_http(&self, path: &str, settings: Settings) -> Value {
        let alerts: Vec<Alert> = serde_json::from_str(ALERTS).expect("alerts");
        let settings = Settings { alerts, ..settings };
        let pool = || self.db.pool().clone();
        let state = ApiState::new(pool(), pool(), settings, Clock::Fixed(NOW));
        let router = api::router(state).layer(Extension(Scope::everything()));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("infallible");
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }
}

pub(crate) fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// What a question has to be given.
fn needed(entry: &Entry, id: &str) -> (String, String) {
    match entry.path {
        ["requests" | "traces", "show"] => (format!(" {id}"), format!("?id={id}")),
        ["conversations", "show"] => (
            " conversation-0".to_owned(),
            "?id=conversation-0".to_owned(),
        ),
        ["agents", "show"] => (" scout".to_owned(), "?name=scout".to_owned()),
        ["tools", "show"] => (" search".to_owned(), "?name=search".to_owned()),
        ["sessions", "show"] => (format!(" {SESSION}"), format!("?id={SESSION}")),
        ["content", "show"] => (" /blog/a".to_owned(), "?content=/blog/a".to_owned()),
        _ if entry.params().pointer("/properties/since").is_some() => {
            (" --since 7d".to_owned(), "?since=7d".to_owned())
        }
        _ => (String::new(), String::new()),
    }
}

/// Both make their settings from the profile.
#[tokio::test]
async fn a_currency_and_a_sample_are_the_same_in_both() {
    let asked = Asked::new().await;
    let rate = |from, cents| ExchangeRate {
        from,
        usd_to: Decimal::new(cents, 2),
    };
    let analytics = Analytics {
        sampling_rate: 0.1,
        costs: Costs {
            currency: "EUR".to_owned(),
            exchange_rates: vec![
                rate(date!(2026 - 11 - 23), 95),
                rate(date!(2026 - 01 - 01), 90),
            ],
            ..Costs::default()
        },
        ..Analytics::default()
    };
    let profile = "--set analytics.sampling_rate=0.1 --set analytics.costs.currency=EUR \
                   --set analytics.costs.exchange_rates=[\
                   {\"from\":\"2026-11-23\",\"usd_to\":0.95},{\"from\":\"2026-01-01\",\"usd_to\":0.9}]";
    let id = asked.some_id().await;
    for entry in QUERIES {
        let (args, query) = needed(entry, &id);
        let words = entry.path.join(" ");
        let run = asked
            .run(&format!("analytics {words}{args} --json {profile}"))
            .await;
        assert_eq!(run.code, 0, "{run:?}");
        let path = format!("/api/v1/analytics/{}{query}", entry.path.join("/"));
        let answer = json(&run);
        let settings = Settings::from(&analytics);
        assert_eq!(answer, asked.over_http(&path, settings).await, "{path}");
        // Thresholds are in dollars.
        let in_dollars = entry.path[0] == "alerts" || entry.path == ["costs", "budgets"];
        let currency = if in_dollars {
            Value::Null
        } else {
            Value::from("EUR")
        };
        assert_eq!(answer["currency"], currency, "{path}");
        let sampled = match entry.path {
            ["requests" | "traces", "list"] | ["agents" | "conversations" | "traces", "show"] => {
                Value::from(0.1)
            }
            _ => Value::Null,
        };
        assert_eq!(answer["sampled"], sampled, "{path}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.csv");
    let line = format!(
        "analytics requests list --since 7d --export {} {profile}",
        file.display()
    );
    let run = asked.run(&line).await;
    assert!(
        run.err
            .starts_with("Wrote 20 rows, more exist, sampled 10 %, amounts in EUR to "),
        "{run:?}"
    );
    let page = asked.run(&format!("infra logs audit {id} {profile}")).await;
    assert!(page.out.contains("  converted EUR "), "{page:?}");
}

#[tokio::test]
async fn the_command_line_and_the_api_say_the_same() {
    let asked = Asked::new().await;
    let id = asked.some_id().await;
    for entry in QUERIES {
        let (args, query) = needed(entry, &id);
        let run = asked
            .run(&format!("analytics {}{args} --json", entry.path.join(" ")))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{:?}", entry.path);
        let answer = json(&run);
        let path = format!("/api/v1/analytics/{}{query}", entry.path.join("/"));
        assert_eq!(
            answer,
            asked.over_http(&path, Settings::default()).await,
            "{path}"
        );
        assert_eq!(answer["question"], entry.path.join(" "));
        assert!(
            answer["rows"]
                .as_array()
                .is_some_and(|rows| !rows.is_empty()),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn every_question_is_readable() {
    let asked = Asked::new().await;
    let id = asked.some_id().await;
    for entry in QUERIES {
        let (args, _) = needed(entry, &id);
        let run = asked
            .run(&format!("analytics {}{args}", entry.path.join(" ")))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{:?}", entry.path);
        assert!(run.out.starts_with(&entry.path.join(" ")), "{}", run.out);
        assert!(run.out.lines().count() > 3, "{}", run.out);
    }
}

#[tokio::test]
async fn a_group_alone_asks_its_first_question_and_names_the_others() {
    let asked = Asked::new().await;
    let run = asked.run("analytics costs --since 7d --json").await;
    assert_eq!(json(&run)["question"], "costs summary");
    assert_eq!(
        run.err,
        "This was costs summary. Other questions: trends, breakdown, budgets, forecast, unpriced.\n"
    );
    assert_eq!(
        json(&run),
        asked
            .over_http("/api/v1/analytics/costs?since=7d", Settings::default())
            .await
    );
}

#[tokio::test]
async fn an_empty_database_says_what_to_do() {
    let asked = Asked::empty().await;
    for question in [
        "overview",
        "costs summary",
        "costs breakdown",
        "requests stats",
        "requests list",
        "agents stats",
        "agents list",
        "conversations stats",
        "conversations list",
    ] {
        let run = asked.run(&format!("analytics {question}")).await;
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(
            run.out.contains("No requests from"),
            "{question}: {}",
            run.out
        );
        assert!(
            run.out
                .contains("ANTHROPIC_BASE_URL=http://127.0.0.1:8080/anthropic"),
            "{}",
            run.out
        );
    }
}

#[tokio::test]
async fn answers_go_to_files() {
    let asked = Asked::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let question = "analytics costs breakdown --since 7d --by agent";
    let rows = json(&asked.run(&format!("{question} --json")).await)["rows"].clone();
    let rows = rows.as_array().expect("rows");
    for name in ["costs.csv", "costs.json", "costs.jsonl"] {
        let path = folder.path().join(name);
        let run = asked
            .run(&format!("{question} --export {}", path.display()))
            .await;
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
        assert_eq!(
            run.err,
            format!("Wrote {} rows to {}.\n", rows.len(), path.display())
        );
    }
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    let whole: Value = serde_json::from_str(&read("costs.json")).expect("JSON");
    assert_eq!(whole["rows"].as_array(), Some(rows));
    let lines = read("costs.jsonl");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(&lines, rows);
    let mut csv = csv::Reader::from_path(folder.path().join("costs.csv")).expect("CSV");
    let header: Vec<String> = csv
        .headers()
        .expect("a header")
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        header,
        rows[0]
            .as_object()
            .expect("a row")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    );
    let costs: Vec<String> = csv
        .records()
        .map(|record| record.expect("a record")[2].to_owned())
        .collect();
    assert_eq!(
        costs,
        rows.iter()
            .map(|row| row["cost"].as_str().expect("text"))
            .collect::<Vec<_>>()
    );
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_1_and_leaves_nothing() {
    let asked = Asked::new().await;
    let run = asked
        .run("analytics overview --export /nowhere/overview.csv")
        .await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err
            .starts_with("error: cannot write /nowhere/overview.csv: "),
        "{}",
        run.err
    );
}

#[tokio::test]
async fn a_request_is_audited_by_the_beginning_of_its_id() {
    let asked = Asked::new().await;
    let id = asked.some_id().await;
    let run = asked.run(&format!("infra logs audit {}", &id[..23])).await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for section in ["Identity", "Model", "Outcome", "Time", "Tokens", "Cost"] {
        assert!(
            run.out.contains(&format!("\n{section}")),
            "{section}: {}",
            run.out
        );
    }
    assert!(
        run.out.starts_with(&format!("request  {id}")),
        "{}",
        run.out
    );
    let audited = json(&asked.run(&format!("infra logs audit {id} --json")).await);
    assert_eq!(
        audited,
        json(
            &asked
                .run(&format!("analytics requests show {id} --json"))
                .await
        )
    );
}

#[tokio::test]
async fn an_id_that_is_not_there_is_1_and_a_vague_one_is_told_to_be_longer() {
    let asked = Asked::new().await;
    let unknown = asked.run("infra logs audit 0123456789abcdef").await;
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert!(
        unknown.err.starts_with("error: no request"),
        "{}",
        unknown.err
    );
    let vague = asked.run("infra logs audit 019aba").await;
    assert_eq!((vague.code, vague.out.as_str()), (1, ""), "{}", vague.err);
    assert!(
        vague.err.contains("at least 8 digits are needed"),
        "{}",
        vague.err
    );
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_1_and_others_are_named() {
    let asked = Asked::new().await;
    let unknown = asked.run("analytics agents show scuot").await;
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert_eq!(
        unknown.err,
        "error: no agent named scuot made a request in the last 90 days; did you mean scout?\n"
    );
}

#[tokio::test]
async fn a_period_that_makes_no_sense_is_2() {
    let asked = Asked::empty().await;
    let refused = asked
        .run("analytics costs summary --since today --until yesterday")
        .await;
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert_eq!(
        refused.err,
        "error: the period ends (yesterday) before it begins (today)\n"
    );
}
