//! Text for people, made from fixed rows, at every width.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};
use systemprompt_cli::{Look, render};
use systemprompt_reporting::{Answer, Entry, PeriodUsed, find};
use time::macros::datetime;
use unicode_width::UnicodeWidthStr;

fn question(path: &[&str]) -> &'static Entry {
    find(path).expect("a question")
}

fn day(timezone: &str) -> PeriodUsed {
    PeriodUsed {
        since: datetime!(2026-11-22 23:00 UTC).into(),
        until: datetime!(2026-11-23 23:00 UTC).into(),
        timezone: timezone.to_owned(),
    }
}

fn over_a_day(rows: Vec<Value>) -> Answer<Value> {
    Answer::of(rows).over(day("Europe/Berlin"))
}

fn answered(entry: &Entry, answer: &Answer<Value>, look: Look) -> String {
    render(entry, answer, "Point an SDK at the gateway.", look)
}

fn plain(width: usize) -> Look {
    Look {
        width: Some(width),
        colour: false,
    }
}

fn request(model: &str, agent: &str, cost: Option<&str>) -> Value {
    json!({
        "id": "019ab3c1-d2e4-7abc-8def-0123456789ab", "created_at": "2026-11-23T08:30:05.123Z",
        "provider": "anthropic", "api": "messages", "requested_model": model, "model": model,
        "agent": agent, "user": null, "session_id": null, "conversation_id": "c-1",
        "trace_id": "0123456789abcdef0123456789abcdef", "state": "completed", "http_status": 200,
        "error_type": null, "streamed": true, "input_tokens": 12345, "output_tokens": 678,
        "cache_read_tokens": 10000, "cache_write_tokens": 0, "reasoning_tokens": 0, "cost": cost,
        "latency_ms": 2345.6, "ttfb_ms": 432.1,
    })
}

fn requests() -> Answer<Value> {
    over_a_day(vec![
        request("claude-sonnet-4-5-20250929", "scout", Some("0.012345")),
        request(
            "模型-非常长的名字-甲乙丙丁戊己庚辛",
            "agent 👩‍🚀 with a long name",
            None,
        ),
        request(
            "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}evil\r\nmodel",
            "e\u{301}\u{301}\u{301}",
            Some("0.000000007"),
        ),
    ])
}

#[test]
fn a_wide_table_fits_every_width() {
    for width in [40, 80, 120, 200] {
        assert_snapshot!(
            format!("requests_list_{width}"),
            answered(question(&["requests", "list"]), &requests(), plain(width))
        );
    }
}

#[test]
fn without_a_terminal_nothing_is_left_out() {
    let shown = answered(
        question(&["requests", "list"]),
        &requests(),
        Look::default(),
    );
    assert!(!shown.contains("no room"), "{shown}");
    assert!(
        shown.contains("2,346 ms") && shown.contains("0123456789abc"),
        "{shown}"
    );
}

#[test]
fn one_row_is_a_list() {
    let row = json!({
        "requests": 1234, "cost": "12.345678", "previous_cost": "10.5", "change": 0.175779,
        "average_cost": "0.010004601", "input_tokens": 1_234_567, "cache_read_tokens": 1_000_000,
        "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0, "audio_input_tokens": 0,
        "tool_input_tokens": 0, "output_tokens": 98_765, "reasoning_tokens": 1000,
        "audio_output_tokens": 0, "unpriced_requests": 2, "unpriced_share": 0.001621,
        "unpriced_tokens": 321, "without_usage": 0,
    });
    let answer = over_a_day(vec![row]).with_note(Some("two models have no price".to_owned()));
    assert_snapshot!(answered(
        question(&["costs", "summary"]),
        &answer,
        plain(80)
    ));
}

/// One agent, with all that its row holds.
fn agent() -> Answer<Value> {
    let mut hours = [0; 24];
    hours[8..12].copy_from_slice(&[3, 40, 1_200, 7]);
    let failure = |state: &str, count: u32| {
        json!({
            "state": state, "http_status": 529, "error_type": "overloaded_error",
            "error_code": null, "count": count, "first_seen": "2026-11-23T08:30:05.123Z",
            "last_seen": "2026-11-23T10:30:05.123Z",
        })
    };
    over_a_day(vec![json!({
        "agent": "scout", "requests": 1250, "completed": 1247, "error_rate": 0.0024,
        "input_tokens": 12_345_678, "output_tokens": 98765, "cost": "12.5",
        "unpriced_requests": 1, "cost_per_request": "0.01", "conversations": 25,
        "cost_per_conversation": "0.5", "average_latency_ms": 840.2, "p50_latency_ms": 700.1,
        "p95_latency_ms": 2100.5, "p99_latency_ms": 4000.7,
        "last_active": "2026-11-23T10:45:00Z", "failed": 3, "client_disconnect": 0,
        "upstream_timeout": 0, "paused": 0, "shutdown": 0, "lost": 0,
        "requests_by_hour": hours,
        "models": [
            {
                "provider": "anthropic", "model": "claude-sonnet-4-5", "requests": 1249,
                "cost": "12.5", "unpriced_requests": 0, "share": 1.0, "p95_latency_ms": 2100.5,
            },
            {
                "provider": "house", "model": "house-model", "requests": 1, "cost": "0",
                "unpriced_requests": 1, "share": 0.0, "p95_latency_ms": 12.3,
            },
        ],
        "top_errors": [failure("failed", 2), failure("upstream_timeout", 1)],
        "tools": [],
    })])
}

#[test]
fn a_row_that_holds_rows_has_tables() {
    for width in [80, 140] {
        assert_snapshot!(
            format!("agents_show_{width}"),
            answered(question(&["agents", "show"]), &agent(), plain(width))
        );
    }
}

#[test]
fn conversations_last_as_long_as_they_last() {
    let conversation = |id: &str, agent: &str, duration: i64| {
        json!({
            "conversation_id": id, "derived": true, "agent": agent, "user": "ada",
            "first_at": "2026-11-23T08:30:05.123Z", "last_at": "2026-11-23T09:14:05.123Z",
            "duration_ms": duration, "requests": 12, "input_tokens": 123_456,
            "output_tokens": 2345, "cost": "0.4321",
        })
    };
    let rows = vec![
        conversation("0123456789abcdef0123456789abcdef", "scout", 2_640_000),
        conversation("nightly-summary", "an-agent-with-a-long-name", 432),
        conversation("c", "", 1_000_000_000),
    ];
    let answer = over_a_day(rows).cut(2);
    for width in [80, 140] {
        assert_snapshot!(
            format!("conversations_list_{width}"),
            answered(question(&["conversations", "list"]), &answer, plain(width))
        );
    }
}

#[test]
fn a_trend_has_sparklines() {
    let steps = [0, 3, 12, 7]
        .into_iter()
        .enumerate()
        .map(|(hour, requests)| {
            json!({
                "bucket": format!("2026-11-23T{:02}:00:00Z", hour + 6), "requests": requests,
                "cost": format!("0.0{requests:02}"), "input_tokens": requests * 1000,
                "output_tokens": requests * 100, "unpriced_requests": 0,
            })
        });
    let answer = over_a_day(steps.collect());
    assert_snapshot!(answered(question(&["costs", "trends"]), &answer, plain(80)));
}

#[test]
fn rows_may_have_units_of_their_own() {
    let row =
        |section: &str, metric: &str, value: Value, previous: Value, change: Value, unit: &str| {
            json!({
                "section": section, "metric": metric, "value": value, "previous": previous,
                "change": change, "unit": unit,
            })
        };
    let answer = over_a_day(vec![
        row(
            "requests",
            "requests",
            json!(160),
            json!(39),
            json!(3.102564),
            "count",
        ),
        row(
            "requests",
            "error_rate",
            json!(0.0875),
            json!(0.102564),
            json!(-0.146_874),
            "ratio",
        ),
        row(
            "requests",
            "under_way",
            json!(3),
            Value::Null,
            Value::Null,
            "count",
        ),
        row(
            "costs",
            "cost",
            json!("1.289456"),
            json!("0"),
            Value::Null,
            "usd",
        ),
        row(
            "latency",
            "p95_latency_ms",
            json!(1234.5),
            json!(1234.5),
            json!(0.0),
            "ms",
        ),
    ]);
    assert_snapshot!(answered(question(&["overview"]), &answer, plain(80)));
}

#[test]
fn nothing_yet_says_what_to_do() {
    let shown = answered(
        question(&["requests", "list"]),
        &over_a_day(Vec::new()),
        plain(80),
    );
    assert_snapshot!(shown, @"
    requests list  2026-11-23 to 2026-11-24, Europe/Berlin

    No requests from 2026-11-23 to 2026-11-24.
    Point an SDK at the gateway.
    ");
}

#[test]
fn more_rows_say_how_to_see_them() {
    let answer = Answer::of(vec![request("m", "a", None), request("m", "a", None)]).cut(1);
    let shown = answered(question(&["requests", "list"]), &answer, plain(80));
    let more = "There are more: --before 019ab3c1-d2e4-7abc-8def-0123456789ab shows the next ones.";
    assert!(shown.contains(more), "{shown}");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let path = ["requests", "list"];
    let coloured = Look {
        width: Some(120),
        colour: true,
    };
    let shown = answered(question(&path), &requests(), coloured);
    assert!(shown.contains("\u{1b}[1m"), "{shown}");
    let mut stripped = shown;
    for code in ["1", "2", "31", "36", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    let stripped: Vec<&str> = stripped.lines().map(str::trim_end).collect();
    let plain = answered(question(&path), &requests(), plain(120));
    assert_eq!(stripped, plain.lines().collect::<Vec<_>>());
}

#[test]
fn another_currency_is_shown_with_its_name() {
    let row = json!({
        "name": "scout", "requests": 2, "cost": "10.5", "share": 1.0, "input_tokens": 3,
        "output_tokens": 4, "unpriced_requests": 0,
    });
    let mut answer = over_a_day(vec![row]);
    answer.currency = Some("EUR".to_owned());
    let shown = answered(question(&["costs", "breakdown"]), &answer, plain(80));
    assert!(
        shown.contains("EUR 10.50") && !shown.contains('$'),
        "{shown}"
    );
}

#[test]
fn a_sample_says_that_it_is_one() {
    let mut answer = requests();
    answer.sampled = Some(0.1);
    let shown = answered(question(&["requests", "list"]), &answer, plain(120));
    assert!(
        shown.ends_with("\nSampled 10 %: the other requests are counted but not listed.\n"),
        "{shown}"
    );
}

proptest! {
    // Names that others choose neither break the table nor reach the terminal.
    #[test]
    fn hostile_names_stay_in_their_cells(model in any::<String>(), agent in any::<String>(), width in 40_usize..220) {
        let answer = over_a_day(vec![request(&model, &agent, Some("0.5"))]);
        let shown = answered(question(&["requests", "list"]), &answer, plain(width));
        let table = shown.split("\n\n").nth(1).expect("a table");
        for line in table.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line}", line.width());
        }
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        prop_assert!(table.lines().last().is_some_and(|row| row.contains("019ab3c1-d2e4-7")), "{table}");
    }
}
