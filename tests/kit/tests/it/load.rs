//! The load generator against the mock provider.

#![allow(clippy::unwrap_used)] // what fails here fails the test

use std::time::Duration;

use hyper::Request;
use systemprompt_testkit::load::{Target, closed, open};
use systemprompt_testkit::upstream::Upstream;

use crate::client::mock;

fn target(mock: &Upstream, options: &str) -> Target {
    let request = Request::post("/v1/messages")
        .header("host", mock.addr.to_string())
        .header("x-mock", options)
        .body(r#"{"model":"claude-haiku-4-5","max_tokens":9,"messages":[]}"#.into())
        .unwrap();
    Target {
        addr: mock.addr,
        requests: [request].into(),
    }
}

#[tokio::test]
async fn a_closed_loop_sends_as_many_as_asked_for() {
    let mock = mock().await;
    let load = closed(&target(&mock, ""), 7, 100).await.unwrap();
    assert_eq!((load.answered, load.refused), (100, 0));
    assert_eq!(mock.call_count(), 100);
    assert_eq!(load.latencies.len(), 100);
    assert!(load.latencies.is_sorted() && load.bytes > 100);
    let load = closed(&target(&mock, "status=503"), 1, 3).await.unwrap();
    assert_eq!((load.answered, load.refused), (3, 3));
}

#[tokio::test]
async fn an_open_loop_keeps_its_rate_and_counts_the_wait() {
    let mock = mock().await;
    let load = open(&target(&mock, ""), 4, 200, 40).await.unwrap();
    assert_eq!(load.answered, 40);
    // The last of 40 is due 195 ms after the first.
    assert!(load.elapsed >= Duration::from_millis(195), "{load:?}");
    // One connection, 50 ms an answer, all due at once: the last waits for nine.
    let load = open(&target(&mock, "delay=50"), 1, 10_000, 10)
        .await
        .unwrap();
    assert!(
        load.quantile(1.0) >= Some(Duration::from_millis(450)),
        "{load:?}"
    );
}

#[tokio::test]
async fn a_broken_connection_is_an_error() {
    let mock = mock().await;
    assert!(closed(&target(&mock, "cut=10"), 1, 1).await.is_err());
}
