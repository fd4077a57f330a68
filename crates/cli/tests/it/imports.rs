//! Requests of the past: what others recorded, read in every form, priced by us,
//! stored once.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use systemprompt_storage::check::{Checked, check};
use tempfile::TempDir;

use crate::answers::{Asked, json as parsed};

/// A database, and a folder for what is imported.
pub(crate) struct Bench {
    pub(crate) asked: Asked,
    folder: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self {
            asked: Asked::empty().await,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(crate) async fn import(&self, source: &str, file: &std::path::Path, more: &str) -> Value {
        let storage = self.folder.path().join("storage");
        let line = format!(
            "import {source} {} --json --storage {}{more}",
            file.display(),
            storage.display()
        );
        let run = self.asked.run(&line).await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
        parsed(&run)
    }

    pub(crate) async fn scalar(&self, sql: &'static str) -> i64 {
        let db = self.asked.db.pool();
        sqlx::query_scalar(sql)
            .fetch_one(db)
            .await
            .expect("a figure")
    }
}

fn spend(id: &str, more: &Value) -> Value {
    let mut log = json!({
        "request_id": id, "call_type": "acompletion", "startTime": "2026-11-20T08:00:00.000Z",
        "endTime": "2026-11-20T08:00:02.500Z", "model": "anthropic/claude-haiku-4-5",
        "custom_llm_provider": "anthropic", "prompt_tokens": 1_000_000, "completion_tokens": 0, "spend": 1.5,
        "user": "ada", "status": "success", "metadata": "{}",
    });
    let more = more.as_object().expect("an object").clone();
    log.as_object_mut().expect("an object").extend(more);
    log
}

#[tokio::test]
async fn litellm_is_read_in_every_form_and_stored_once() {
    let bench = Bench::new().await;
    let logs = [
        spend("chatcmpl-1", &json!({})),
        spend(
            "chatcmpl-2",
            &json!({"metadata": {"usage_object": {"cache_read_input_tokens": 400_000}}}),
        ),
        spend("chatcmpl-3", &json!({"cache_hit": "True"})),
        spend(
            "chatcmpl-4",
            &json!({"status": "failure", "prompt_tokens": 0,
                   "metadata": {"error_information": {"error_class": "RateLimitError"}}}),
        ),
        spend(
            "chatcmpl-5",
            &json!({"model": "mine", "custom_llm_provider": "ollama"}),
        ),
        spend("", &json!({})),
        spend("chatcmpl-6", &json!({"startTime": "soon"})),
        spend("chatcmpl-7", &json!({"startTime": "2031-01-01T00:00:00Z"})),
    ];
    let array = bench.file("logs.json", &json!(logs).to_string());
    let lines: String = logs.iter().fold(String::new(), |mut text, log| {
        writeln!(text, "{log}").expect("a String takes all");
        text
    });
    let lines = bench.file("logs.jsonl", &format!("{lines}{{\"cut\": \n"));
    let mut csv = csv::Writer::from_writer(Vec::new());
    let header: Vec<&String> = logs[0].as_object().expect("an object").keys().collect();
    csv.write_record(&header).expect("a header");
    for log in &logs {
        let fields = header.iter().map(|key| match &log[key.as_str()] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        csv.write_record(fields).expect("a row");
    }
    let csv = String::from_utf8(csv.into_inner().expect("all of it")).expect("UTF-8");
    let csv = bench.file("logs.csv", &csv);

    let dry = bench.import("litellm", &array, " --dry-run").await;
    assert_eq!(
        [
            &dry["records"],
            &dry["requests"],
            &dry["ignored"],
            &dry["faulty"],
            &dry["stored"]
        ],
        [&json!(8), &json!(4), &json!(1), &json!(3), &Value::Null],
        "{dry:#}"
    );
    assert_eq!(bench.scalar("select count(*) from ai_requests").await, 0);

    let first = bench.import("litellm", &array, "").await;
    assert_eq!(
        [&first["stored"], &first["known"]],
        [&json!(4), &json!(0)],
        "{first:#}"
    );
    // A million at a dollar, of the other 400,000 at a tenth of it.
    assert_eq!(first["cost_usd"], "1.64", "{first:#}");
    assert_eq!(first["stated_cost_usd"], "6");
    assert_eq!(first["unpriced"], 1);
    let blamed: Vec<_> = first["faulty_lines"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["line"].as_u64().expect("a number"))
        .collect();
    assert_eq!(blamed, [6, 7, 8]);
    for (file, faulty) in [(&array, 3), (&lines, 4)] {
        let again = bench.import("litellm", file, "").await;
        assert_eq!(
            [&again["stored"], &again["known"], &again["faulty"]],
            [&json!(0), &json!(4), &json!(faulty)],
            "{again:#}"
        );
    }
    // The header has no cache_hit: that one is a request there.
    let again = bench.import("litellm", &csv, "").await;
    assert_eq!(
        [&again["stored"], &again["known"]],
        [&json!(1), &json!(4)],
        "{again:#}"
    );
    assert_eq!(again["faulty_lines"][0]["line"], 7, "below the header");

    assert_eq!(bench.scalar("select count(*) from spool_cursors").await, 0);
    assert_eq!(
        bench
            .scalar(
                "select count(*) from ai_requests where latency_us = 2500000 and user_id = 'ada'"
            )
            .await,
        5
    );
    assert_eq!(
        bench.scalar("select count(*) from ai_requests where error_type = 'RateLimitError' and state = 'failed'").await,
        1
    );
    let checked = check(bench.asked.db.pool()).await.expect("it runs");
    assert_eq!(checked, Checked::default());
}

#[tokio::test]
async fn langfuse_counts_each_kind_of_token_once() {
    let bench = Bench::new().await;
    let generation = |id: &str, more: Value| {
        let mut one = json!({
            "id": id, "traceId": "0123456789abcdef0123456789abcdef", "type": "GENERATION",
            "startTime": "2026-11-20T08:00:00.000Z", "endTime": "2026-11-20T08:00:01.000Z",
            "completionStartTime": "2026-11-20T08:00:00.250Z", "model": "gpt-4o", "userId": "ada",
        });
        let more = more.as_object().expect("an object").clone();
        one.as_object_mut().expect("an object").extend(more);
        one
    };
    let all = json!([
        // Kinds that add up to the total …
        generation("a", json!({"usageDetails": {"input": 600, "input_cached_tokens": 400, "output": 90,
            "output_reasoning_tokens": 10, "total": 1100}})),
        // … kinds that are parts of input and output …
        generation("b", json!({"usageDetails": {"input": 1000, "input_cached_tokens": 400, "output": 100,
            "output_reasoning_tokens": 10, "total": 1100}})),
        // … and no kinds.
        generation("c", json!({"usage": {"input": 1000, "output": 100, "unit": "TOKENS"}})),
        generation("d", json!({"level": "ERROR", "statusMessage": "my secret prompt"})),
        {"id": "e", "type": "SPAN", "startTime": "2026-11-20T08:00:00.000Z"},
    ]);
    let file = bench.file("observations.json", &all.to_string());
    let first = bench.import("langfuse", &file, "").await;
    assert_eq!(
        [&first["stored"], &first["ignored"], &first["faulty"]],
        [&json!(4), &json!(1), &json!(0)],
        "{first:#}"
    );
    let alike = "select count(*) from ai_requests where input = 600 and cache_read = 400 and output = 90 \
                 and reasoning = 10 and ttfb_us = 250000";
    assert_eq!(bench.scalar(alike).await, 2);
    let plain =
        "select count(*) from ai_requests where input = 1000 and output = 100 and cache_read = 0";
    assert_eq!(bench.scalar(plain).await, 1);
    let failed = "select count(*) from ai_requests where state = 'failed' and usage_source = 'none' and cost_nanos is null";
    assert_eq!(bench.scalar(failed).await, 1);
    let again = bench.import("langfuse", &file, "").await;
    assert_eq!([&again["stored"], &again["known"]], [&json!(0), &json!(4)]);
}

#[tokio::test]
async fn what_is_no_export_says_so() {
    let bench = Bench::new().await;
    let broken = bench.file("broken.json", "[{\"request_id\": \"a\"}, {\"request_id\"");
    let run = bench
        .asked
        .run(&format!("import litellm {} --dry-run", broken.display()))
        .await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("broken.json"), "{}", run.err);
    let empty = bench.file("empty.csv", "");
    let none = bench.import("litellm", &empty, "").await;
    assert_eq!([&none["records"], &none["stored"]], [&json!(0), &json!(0)]);
    let run = bench.asked.run("import litellm /no/such/file").await;
    assert_eq!(run.code, 1, "{run:?}");
}
