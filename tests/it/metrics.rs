//! What a server tells Prometheus of itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::json;
use systemprompt_testkit::PATIENCE;

use crate::system::{MESSAGES, System};

const BACKLOG: &str = "systemprompt_spool_backlog_bytes{lane=\"requests\"}";

/// The samples of a scrape, every line of which must follow the text format.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut helped, mut typed) = ("", "");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').expect("a name and words").0;
            assert!(!help.ends_with(' '), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert_eq!(name, helped, "{line}");
            let counts = name.ends_with("_total");
            assert_eq!(kind, if counts { "counter" } else { "gauge" }, "{line}");
            typed = name;
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert_eq!(name.split('{').next(), Some(typed), "{line}");
            let value = value.parse().expect("a number");
            assert!(
                samples.insert(name.to_owned(), value).is_none(),
                "{line} twice"
            );
        }
    }
    assert!(text.ends_with('\n'));
    samples
}

#[tokio::test]
async fn requests_and_what_became_of_them_are_counted() {
    let budget = "analytics.alerts=[{type: daily_cost, threshold: 0.000001, action: pause_requests, \
                  scope: {agent: spender}}]";
    let system = System::with(&[budget, "web.sites=[example.com]"]).await;
    let body = json!({"model": "claude-haiku-4-5", "max_tokens": 9});
    for mock in ["", "", "status=500"] {
        system.post(MESSAGES, mock, &body).await;
    }
    let headers = [("x-systemprompt-agent", "spender")];
    let refused = system.post_with(MESSAGES, &headers, &body).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);

    // A start and an end each; of the refused one an end alone, for which it did not wait.
    let stored = "systemprompt_events_stored_total{lane=\"requests\"}";
    let deadline = Instant::now() + PATIENCE;
    let (samples, text) = loop {
        let request = system.request(Method::GET, "/metrics", &[], "");
        let answer = system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let samples = samples(&answer.text());
        let done = samples.get(stored) == Some(&7.0) && samples.get(BACKLOG) == Some(&0.0);
        if done || Instant::now() > deadline {
            break (samples, answer.text());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let version = format!(
        "systemprompt_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in [
        (&*version, 1.0),
        ("systemprompt_ready", 1.0),
        ("systemprompt_database_up", 1.0),
        ("systemprompt_requests_total{state=\"completed\"}", 2.0),
        ("systemprompt_requests_total{state=\"failed\"}", 1.0),
        ("systemprompt_requests_total{state=\"paused\"}", 1.0),
        ("systemprompt_requests_total{state=\"shutdown\"}", 0.0),
        ("systemprompt_undurable_total", 0.0),
        ("systemprompt_spool_healthy{lane=\"requests\"}", 1.0),
        ("systemprompt_spool_healthy{lane=\"web\"}", 1.0),
        (BACKLOG, 0.0),
        ("systemprompt_dead_letters_total{lane=\"requests\"}", 0.0),
        (stored, 7.0),
        ("systemprompt_events_stored_total{lane=\"web\"}", 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name}\n{text}");
    }
}
