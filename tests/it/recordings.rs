//! Every recorded answer once through the whole system: bytes out are bytes in,
//! and what is stored is what the provider stated, priced a second time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use hyper::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use systemprompt_budgets::Rules;
use systemprompt_domain::Clock;
use systemprompt_domain::period::Interval;
use systemprompt_pricing::Catalogue;
use systemprompt_storage::check::{Checked, check};
use systemprompt_storage::recompute::{Recompute, Selection};
use systemprompt_testkit::client::Answer;
use systemprompt_testkit::oracle::{Prices, Used, nanos};
use systemprompt_testkit::process::cli;
use systemprompt_testkit::report::agrees;
use systemprompt_testkit::upstream::Upstream;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::system::{CHAT, MESSAGES, RESPONSES, Stored, System};

/// The models of the recordings that the catalogue does not list.
const UNPRICED: [&str; 2] = ["gemini-2.0-flash-exp", "gemini-2.5-flash-image"];

/// Requests under way at the same time.
const CLIENTS: usize = 4;

/// A line of the index, by column.
#[derive(Debug)]
struct Recording(BTreeMap<String, String>);

impl Recording {
    fn all() -> Vec<Self> {
        let path = folder().join("index.tsv");
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .from_path(&path)
            .unwrap_or_else(|error| panic!("the recordings are needed at {path:?}: {error}"));
        let rows: Vec<_> = reader.deserialize().map(|row| Self(row.unwrap())).collect();
        assert_eq!(rows.len(), 493, "the index is complete");
        rows
    }

    fn get(&self, column: &str) -> Option<&str> {
        Some(self.0[column].as_str()).filter(|text| !text.is_empty())
    }

    fn count(&self, column: &str) -> u64 {
        self.get(column).map_or(0, |count| count.parse().unwrap())
    }

    fn file(&self) -> &str {
        &self.0["file"]
    }

    fn streamed(&self) -> bool {
        self.0["stream"] == "sse"
    }

    fn model(&self) -> &str {
        self.get("request_model").unwrap_or("unnamed")
    }

    fn api(&self) -> &'static str {
        match self.0["api"].as_str() {
            "messages" => "messages",
            "chat" => "chat_completions",
            "responses" => "responses",
            "embeddings" => "embeddings",
            "generateContent" | "streamGenerateContent" => "generate_content",
            other => panic!("an unknown interface {other}"),
        }
    }

    fn path(&self) -> String {
        let verb = if self.streamed() {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        };
        match self.api() {
            "messages" => MESSAGES.into(),
            "chat_completions" => CHAT.into(),
            "responses" => RESPONSES.into(),
            "embeddings" => "/openai/v1/embeddings".into(),
            _ => format!("/gemini/v1beta/models/{}:{verb}", self.model()),
        }
    }

    /// A client that wants its usage itself: nothing is added or taken out.
    fn body(&self) -> Value {
        let mut body = json!({"model": self.model()});
        if self.streamed() && self.api() != "generate_content" {
            body["stream"] = true.into();
        }
        if self.streamed() && self.api() == "chat_completions" {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    /// The provider's numbers in our classes, by the providers' own rules of
    /// what contains what.
    fn tokens(&self) -> BTreeMap<&'static str, u64> {
        let n = |column| self.count(column);
        let mut tokens = BTreeMap::from([
            ("input", n("input_raw")),
            ("cache_read", n("cache_read")),
            ("cache_write_5m", 0),
            ("cache_write_1h", 0),
            ("audio_input", n("audio_in")),
            ("tool_input", n("tool_prompt")),
            ("output", n("output_raw")),
            ("reasoning", n("reasoning")),
            ("audio_output", n("audio_out")),
        ]);
        let mut add = |class, n: u64| *tokens.get_mut(class).unwrap() += n;
        match self.api() {
            "messages" => {
                add("cache_write_1h", n("cache_write_1h"));
                add("cache_write_5m", n("cache_write") - n("cache_write_1h"));
                *tokens.get_mut("output").unwrap() -= n("reasoning");
            }
            "generate_content" => {
                *tokens.get_mut("input").unwrap() -= n("cache_read") + n("audio_in");
                *tokens.get_mut("output").unwrap() -= n("audio_out");
            }
            _ => {
                add("cache_write_5m", n("cache_write"));
                *tokens.get_mut("input").unwrap() -=
                    n("cache_read") + n("cache_write") + n("audio_in");
                *tokens.get_mut("output").unwrap() -= n("reasoning") + n("audio_out");
            }
        }
        // What Anthropic's top level leaves out: entries of `iterations` that
        // compact, on the same model.
        for entry in self.iterations("compaction") {
            for (class, field) in [
                ("input", "input_tokens"),
                ("output", "output_tokens"),
                ("cache_read", "cache_read_input_tokens"),
                ("cache_write_5m", "cache_creation_input_tokens"),
            ] {
                *tokens.get_mut(class).unwrap() += entry[field].as_u64().unwrap_or(0);
            }
        }
        tokens
    }

    /// Tokens of other models in the same answer, by model.
    fn advice(&self) -> Vec<(String, BTreeMap<&'static str, u64>)> {
        let advice = self.iterations("advisor_message").into_iter().map(|entry| {
            let tokens = [("input", "input_tokens"), ("output", "output_tokens")]
                .map(|(class, field)| (class, entry[field].as_u64().unwrap()));
            (entry["model"].as_str().unwrap().to_owned(), tokens.into())
        });
        advice.collect()
    }

    fn iterations(&self, kind: &str) -> Vec<Value> {
        let usage: Value = serde_json::from_str(self.get("raw_usage").unwrap_or("null")).unwrap();
        let entries = usage["iterations"].as_array().cloned().unwrap_or_default();
        entries
            .into_iter()
            .filter(|entry| entry["type"] == kind)
            .collect()
    }
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join("recordings")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recording_passes_unchanged_and_is_priced() {
    let upstream = Upstream::start(Some(&folder())).await.unwrap();
    let system = Arc::new(System::over(upstream, &[]).await);
    let recordings = Arc::new(Recording::all());
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (system, recordings) = (Arc::clone(&system), Arc::clone(&recordings));
        clients.spawn(async move {
            let mut answers = Vec::new();
            for number in (client..recordings.len()).step_by(CLIENTS) {
                answers.push((number, ask(&system, &recordings[number], number).await));
            }
            answers
        });
    }
    let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(system.count().await.unwrap(), 493);

    let prices = Prices::read(system.db.pool()).await.unwrap();
    let mut unpriced = BTreeSet::new();
    for (number, answer) in &answers {
        let recording = &recordings[*number];
        let row = system.row(answer).await;
        compare(recording, answer, &row);
        price(recording, &row, &prices, &mut unpriced);
    }
    let unpriced: Vec<_> = unpriced.iter().map(String::as_str).collect();
    assert_eq!(unpriced, UNPRICED);
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
    nothing_changes_when_priced_again(&system).await;
    its_report_agrees(&system).await;
}

/// Every figure of the day's report is the answer of its question.
async fn its_report_agrees(system: &System) {
    let url = system.db.url();
    let run = |line: &str| {
        let line = format!("{line} --database-url {url}");
        let output = cli(line.split(' ')).unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {err}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Hours that are still to come have no figures.
    let hours = usize::from(OffsetDateTime::now_utc().hour());
    let written = run("reports traffic --date today --stdout");
    let ask = async |line: &str| serde_json::from_str(&run(line)).unwrap();
    let compared = agrees(&written, ask).await;
    assert!(compared > 180 + 5 * hours, "{compared}\n{written}");
    assert!(written.contains("493"), "{written}");
}

/// What a row says was used is what was priced, whatever the provider stated.
async fn nothing_changes_when_priced_again(system: &System) {
    let until = OffsetDateTime::now_utc();
    let again = Recompute {
        pool: system.db.pool(),
        catalogue: Catalogue::builtin(),
        rules: &Rules::default(),
        selection: Selection {
            period: Interval {
                since: until - Duration::from_secs(86_400),
                until,
            },
            models: Vec::new(),
            provider: None,
        },
        dry_run: true,
        by: None,
        clock: Clock::System,
    };
    let total = again.run(|_| ()).await.unwrap().models.total();
    let stated = "select count(*) from ai_requests where usage_source <> 'none'";
    let stated = system.scalar(stated).await.unwrap();
    assert_eq!(total.requests, stated.cast_unsigned());
    assert!(total.requests > 400);
    assert_eq!((total.changed, total.kept), (0, 0));
    assert!(total.old == total.new && total.unpriced < 10);
}

/// Sends one request: streams in random pieces, every third answer compressed.
async fn ask(system: &System, recording: &Recording, number: usize) -> Answer {
    let file = recording.file();
    let split = if recording.streamed() {
        format!(",split={number}")
    } else {
        String::new()
    };
    let gzip = number.is_multiple_of(3);
    let coding = if gzip { ",gzip" } else { "" };
    let mock = format!("rec:{file}{split}{coding}");
    let accept = if gzip { "gzip, br" } else { "br" };
    let headers = [("x-mock", mock.as_str()), ("accept-encoding", accept)];
    let request = system.request(
        Method::POST,
        &recording.path(),
        &headers,
        recording.body().to_string(),
    );
    let answer = system.client().send(request).await.unwrap();
    assert!(answer.cut.is_none(), "{file}: {answer:?}");
    assert_eq!(
        answer.header("content-encoding"),
        if gzip { "gzip" } else { "" },
        "{file}"
    );
    let mut body = answer.body.clone();
    if gzip {
        body.clear();
        MultiGzDecoder::new(answer.body.as_slice())
            .read_to_end(&mut body)
            .unwrap();
    }
    let original = std::fs::read(folder().join(file)).unwrap();
    assert_eq!(sha256(&body), sha256(&original), "{file}");
    answer
}

/// What is stored against what the index says.
fn compare(recording: &Recording, answer: &Answer, row: &Stored) {
    let file = recording.file();
    let failed = recording.get("error").is_some();
    assert_eq!(
        row.text("state"),
        if failed { "failed" } else { "completed" },
        "{file}"
    );
    assert_eq!(row.text("api"), recording.api(), "{file}");
    assert_eq!(row.flag("streamed"), recording.streamed(), "{file}");
    assert!(!row.flag("usage_injected"), "{file}");
    assert_eq!(
        row.status(),
        Some(answer.status.as_u16().cast_signed()),
        "{file}"
    );
    assert_eq!(row.text("requested_model"), recording.model(), "{file}");
    assert_eq!(
        row.text("response_id"),
        recording.get("response_id").unwrap_or(""),
        "{file}"
    );
    assert_eq!(
        row.text("finish_reason"),
        recording.get("finish").unwrap_or(""),
        "{file}"
    );
    let length = answer.body.len();
    assert_eq!(
        row.number("response_bytes"),
        i64::try_from(length).ok(),
        "{file}"
    );
    let stated = recording
        .get("raw_usage")
        .map(|raw| serde_json::from_str::<Value>(raw).unwrap());
    assert_eq!(
        row.json("raw_usage"),
        stated.clone().unwrap_or_default(),
        "{file}"
    );
    let source = if stated.is_some() { "provider" } else { "none" };
    assert_eq!(row.text("usage_source"), source, "{file}");
    let mut tokens = recording.tokens();
    for (_, advice) in recording.advice() {
        for (class, n) in advice {
            *tokens.get_mut(class).unwrap() += n;
        }
    }
    for (class, n) in tokens {
        assert_eq!(row.number(class), i64::try_from(n).ok(), "{file}: {class}");
    }
}

/// The stored cost against one computed here.
fn price(recording: &Recording, row: &Stored, prices: &Prices, unpriced: &mut BTreeSet<String>) {
    let file = recording.file();
    let served = row.text("served_model");
    let Some(cost) = row.number("cost_nanos") else {
        assert_eq!(row.text("price_version"), "", "{file}");
        if row.text("usage_source") == "provider" {
            let known = prices.know(&row.text("provider"), &served);
            assert!(!known, "{file}: there is a price for {served}");
            unpriced.insert(served);
        }
        return;
    };
    let extra = row.json("usage_extra");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let calls = extra["calls"].as_object().cloned().unwrap_or_default();
    let used = Used {
        tokens: recording.tokens(),
        tier: recording.get("service_tier").map(str::to_owned),
        speed: text(&extra["speed"]),
        region: text(&extra["region"]),
        calls: calls
            .iter()
            .map(|(kind, n)| (kind.clone(), n.as_u64().unwrap()))
            .collect(),
    };
    let mut usd: Decimal = prices.cost(&row.text("price_version"), &used).unwrap();
    for (n, (model, tokens)) in recording.advice().into_iter().enumerate() {
        let other = &extra["other_models"][n];
        assert_eq!(other["model"], model, "{file}");
        let used = Used {
            tokens,
            ..Used::default()
        };
        usd += prices
            .cost(other["price_version"].as_str().unwrap(), &used)
            .unwrap();
    }
    assert_eq!(cost, nanos(usd), "{file}");
}
