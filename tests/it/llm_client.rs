//! A service that calls providers by itself, with a client that meters: what is
//! recorded of its calls is what the gateway records of the same.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use sqlx::Row as _;
use systemprompt_capture::llm::{Attribution, LlmClient};
use systemprompt_capture::{Capture, CaptureStatus};
use systemprompt_domain::Wire;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Client;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;

use crate::system::{CHAT, GEMINI_SSE, GENERATE, MESSAGES, RESPONSES, Stored, System};

const TOKENS: &str = "server.tokens=[\
    {name: shop, token: shop-0123456789abcdef, scopes: [ingest]},\
    {name: all, token: all-0123456789abcdef, scopes: [gateway]}]";

/// What both must record alike: all of a row but for ids, times, and who told it.
const TEXTS: [&str; 16] = [
    "provider",
    "api",
    "requested_model",
    "served_model",
    "service_tier",
    "state",
    "error_type",
    "error_code",
    "finish_reason",
    "tool_calls",
    "usage_source",
    "user_id",
    "session_id",
    "conversation_id",
    "price_version",
    "agent",
];
const NUMBERS: [&str; 12] = [
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "tool_input",
    "output",
    "reasoning",
    "audio_output",
    "cost_nanos",
    "request_bytes",
    "response_bytes",
];

/// A service with a capture of its own.
struct Shop {
    capture: Capture,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Shop {
    fn over(system: &System) -> Self {
        // Where another test has installed it, it is the same one.
        let _ = ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let base = format!("http://{}", system.addr);
        let capture = Capture::builder(client.clone(), &base, "shop-0123456789abcdef")
            .linger(Duration::from_millis(20));
        Self {
            capture: capture.start(folder.path()).unwrap(),
            client,
            _folder: folder,
        }
    }

    /// A client for the provider that a path of the gateway names, and the address
    /// there.
    fn llm(&self, path: &str, base: &str) -> (LlmClient, String) {
        let (name, rest) = path[1..].split_once('/').unwrap();
        let wire = match name {
            "anthropic" => Wire::Anthropic,
            "openai" => Wire::OpenAi,
            _ => Wire::Gemini,
        };
        let builder = LlmClient::builder(self.client.clone(), self.capture.recorder());
        let builder = builder.provider(name, wire, base).unwrap();
        (builder.build(), format!("{base}/{rest}"))
    }

    async fn close(self) {
        let status = self.capture.close(PATIENCE).await;
        let CaptureStatus {
            refused,
            unrecorded,
            backlog,
            trouble,
            ..
        } = status;
        assert_eq!((refused, unrecorded, backlog, trouble), (0, 0, 0, None));
    }
}

/// The newest request that the shop told, once there are so many.
async fn told(system: &System, n: usize) -> Stored {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = sqlx::query(
            "select * from ai_requests where token = 'shop' order by created_at desc, id desc",
        )
        .fetch_all(system.db.pool())
        .await
        .unwrap();
        assert!(rows.len() <= n, "{} are more than {n}", rows.len());
        if rows.len() == n {
            return Stored(rows.into_iter().next().unwrap());
        }
        assert!(Instant::now() < deadline, "{} of {n} are there", rows.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Text without what differs from call to call: numbers.
fn normal(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn assert_alike(told: &Stored, through: &Stored, case: &str) {
    for column in TEXTS {
        assert_eq!(
            told.text(column),
            through.text(column),
            "{column} of {case}"
        );
    }
    // The number in an answer's id makes it shorter or longer once it is compressed.
    let alike = |column: &&&str| **column != "response_bytes" || !case.contains("gzip");
    for column in NUMBERS.iter().filter(alike) {
        assert_eq!(
            told.number(column),
            through.number(column),
            "{column} of {case}"
        );
    }
    for column in ["streamed", "usage_injected"] {
        assert_eq!(
            told.flag(column),
            through.flag(column),
            "{column} of {case}"
        );
    }
    assert_eq!(told.status(), through.status(), "{case}");
    assert_eq!(told.json("raw_usage"), through.json("raw_usage"), "{case}");
    assert_eq!(
        told.json("usage_extra"),
        through.json("usage_extra"),
        "{case}"
    );
    let id = |row: &Stored| row.text("provider_request_id").is_empty();
    assert_eq!(id(told), id(through), "{case}");
    assert_eq!(
        told.number("ttfb_us").is_some(),
        through.number("ttfb_us").is_some(),
        "{case}"
    );
    assert!(told.number("latency_us").is_some(), "{case}");
}

#[tokio::test]
async fn what_is_recorded_is_what_the_gateway_records() {
    let system = System::with(&[TOKENS]).await;
    // The provider numbers its answers: from here on, with two digits.
    for _ in 0..10 {
        let request = system.request(Method::POST, "/v1/messages", &[], "{}");
        Client::new(system.upstream.addr)
            .send(request)
            .await
            .unwrap();
    }
    let shop = Shop::over(&system);
    let claude =
        json!({"model": "claude-haiku-4-5", "max_tokens": 9, "metadata": {"user_id": "u-1"}});
    let gpt = json!({"model": "gpt-4o-mini", "user": "u-2"});
    let gemini = json!({"contents": []});
    let streamed = |body: &Value| {
        let mut body = body.clone();
        body["stream"] = json!(true);
        body
    };
    let all = "in=100,out=20,cache=30";
    let cases = [
        (MESSAGES, all, claude.clone()),
        (
            MESSAGES,
            "in=100,out=20,write=7,write1h=5,tool=weather",
            streamed(&claude),
        ),
        (MESSAGES, "gzip,in=9", streamed(&claude)),
        (MESSAGES, "length,in=8", claude.clone()),
        (MESSAGES, "status=529,retry=1", claude.clone()),
        (MESSAGES, "midstream-error", streamed(&claude)),
        (MESSAGES, "malformed", claude.clone()),
        (MESSAGES, "cut=200", streamed(&claude)),
        (MESSAGES, "close=200", streamed(&claude)),
        (MESSAGES, "nousage", claude),
        (CHAT, all, gpt.clone()),
        (CHAT, "in=100,out=20,cache=30,split=3", streamed(&gpt)),
        (CHAT, "crlf,tool=weather", streamed(&gpt)),
        (CHAT, "gzip", streamed(&gpt)),
        (CHAT, "status=429", streamed(&gpt)),
        (
            RESPONSES,
            "in=100,out=20,cache=30,reasoning=4",
            streamed(&gpt),
        ),
        (GENERATE, all, gemini.clone()),
        (GEMINI_SSE, "in=100,out=20,cache=30,bigevent", gemini),
    ];
    for (n, (path, mock, body)) in cases.iter().enumerate() {
        let case = format!("{path} {mock}");
        let headers = [
            ("x-mock", *mock),
            ("accept-encoding", "gzip"),
            ("x-systemprompt-token", "all-0123456789abcdef"),
        ];
        let through = system.post_with(path, &headers, body).await;
        let through = system.row(&through).await;

        let (llm, url) = shop.llm(path, &system.upstream.url());
        let ask = |llm: &LlmClient| {
            let ask = llm
                .post(&url)
                .header("x-mock", *mock)
                .header("accept-encoding", "gzip");
            ask.body(body.to_string())
        };
        let mut answer = llm.send(ask(&llm)).await.unwrap();
        assert_eq!(answer.url().as_str(), url, "{case}");
        let mut bytes = Vec::new();
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        drop(answer);
        assert_eq!(
            broken,
            mock.starts_with("cut") || mock.starts_with("close"),
            "{case}"
        );
        let row = told(&system, n + 1).await;
        assert_alike(&row, &through, &case);

        // The same bytes as without: only ids and times differ.
        if !mock.contains("gzip") && !broken {
            let request = system.request(
                Method::POST,
                &url[system.upstream.url().len()..],
                &headers[..2],
                body.to_string(),
            );
            let plain = Client::new(system.upstream.addr)
                .send(request)
                .await
                .unwrap();
            assert!(normal(&bytes) == normal(plain.text().as_bytes()), "{case}");
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn those_that_end_early_or_never_begin_are_recorded_too() {
    let system = System::with(&[TOKENS]).await;
    let shop = Shop::over(&system);
    let (llm, url) = shop.llm(MESSAGES, &system.upstream.url());
    let body = json!({"model": "claude-haiku-4-5", "stream": true}).to_string();
    let ask = |mock: &str| llm.post(&url).header("x-mock", mock).body(body.clone());

    // Left in the middle of the answer, and before it began.
    let mut answer = llm.send(ask("slow=100,chunks=9")).await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    drop(answer);
    let row = told(&system, 1).await;
    let how = |row: &Stored| (row.text("state"), row.text("error_type"), row.status());
    let left = ("client_disconnect".to_owned(), "client_left".to_owned());
    assert_eq!(how(&row), (left.0.clone(), left.1.clone(), Some(200)));
    let waiting = llm.send(ask("hang-header"));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), waiting)
            .await
            .is_err()
    );
    assert_eq!(how(&told(&system, 2).await), (left.0, left.1, None));

    // Who has seen the provider's last event has seen it all.
    let mut answer = llm.send(ask("in=30,out=4")).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("message_stop\"}") {
        let chunk = answer.chunk().await.unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    drop(answer);
    let row = told(&system, 3).await;
    assert_eq!(
        row.outcome(),
        ("completed".into(), "provider".into(), 30, 4)
    );

    // A provider that is silent for too long, before its answer and in it.
    let patient = |mock: &str| ask(mock).timeout(Duration::from_millis(300));
    llm.send(patient("hang-header")).await.unwrap_err();
    let late = (
        "upstream_timeout".to_owned(),
        "upstream_timeout".to_owned(),
        None,
    );
    assert_eq!(how(&told(&system, 4).await), late);
    let answer = llm.send(patient("hang")).await.unwrap();
    answer.bytes().await.unwrap_err();
    let silent = (
        "upstream_timeout".to_owned(),
        "upstream_silent".to_owned(),
        Some(200),
    );
    assert_eq!(how(&told(&system, 5).await), silent);

    // None at all.
    let (nobody, url) = shop.llm(MESSAGES, "http://127.0.0.1:9");
    nobody
        .send(nobody.post(url).body(body.clone()))
        .await
        .unwrap_err();
    let away = ("failed".to_owned(), "upstream_unreachable".to_owned(), None);
    assert_eq!(how(&told(&system, 6).await), away);
    shop.close().await;
}

#[tokio::test]
async fn whose_a_call_is_says_who_makes_it() {
    let system = System::with(&[TOKENS]).await;
    let shop = Shop::over(&system);
    let (llm, url) = shop.llm(MESSAGES, &system.upstream.url());
    let llm = llm.attributed(Attribution::new().agent("explainer").user("ada"));
    let body = json!({"model": "claude-haiku-4-5", "metadata": {"user_id": "u-1"}}).to_string();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let own = Attribution::new()
        .user("bob")
        .session("s-1")
        .conversation("c-1");
    for (n, (llm, header, expected)) in [
        (llm.clone(), None, ["ada", "explainer", "", ""]),
        (
            llm.attributed(own.clone()),
            None,
            ["bob", "explainer", "s-1", "c-1"],
        ),
        (
            llm.attributed(own.trace(parent.parse().unwrap())),
            None,
            ["bob", "explainer", "s-1", "c-1"],
        ),
        (llm, Some(&parent), ["ada", "explainer", "", ""]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut ask = llm.post(&url).body(body.clone());
        if let Some(parent) = header {
            ask = ask.header("traceparent", parent);
        }
        llm.send(ask).await.unwrap().bytes().await.unwrap();
        let row = told(&system, n + 1).await;
        let columns = ["user_id", "agent", "session_id", "conversation_id"];
        assert_eq!(
            columns.map(|column| row.text(column)),
            expected.map(str::to_owned),
            "{n}"
        );
        let id: uuid::Uuid = row.0.get("trace_id");
        assert_eq!(id.simple().to_string() == trace, n >= 2, "{n}");
    }
    // What no provider is asked, and what costs nothing, is nobody's.
    for other in [
        url.replace("/v1/messages", "/v1/messages/count_tokens"),
        format!("http://{}/healthz", system.addr),
    ] {
        llm_free(&shop, &other, &system).await;
    }
    assert_eq!(
        system
            .scalar("select count(*) from ai_requests")
            .await
            .unwrap(),
        4
    );
    shop.close().await;
}

async fn llm_free(shop: &Shop, url: &str, system: &System) {
    let (llm, _) = shop.llm(MESSAGES, &system.upstream.url());
    let answer = llm.send(llm.post(url).body("{}")).await.unwrap();
    answer.bytes().await.unwrap();
}
