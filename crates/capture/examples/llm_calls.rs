//! A client of Claude whose calls are recorded: what each used and which model served
//! it. It answers one question a line.
//!
//! ```sh
//! export SYSTEMPROMPT_URL=http://127.0.0.1:8080 SYSTEMPROMPT_TOKEN=sp_…   # scope: ingest
//! export ANTHROPIC_API_KEY=sk-ant-…
//! echo 'Why is the sky blue?' |
//!   cargo run -p systemprompt-capture --features reqwest,http-sink --example llm_calls
//! ```
#![expect(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use std::env;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use systemprompt_capture::Capture;
use systemprompt_capture::domain::Wire;
use systemprompt_capture::llm::{Attribution, LlmClient};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // With reqwest's default features there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, token) = (
        env::var("SYSTEMPROMPT_URL")?,
        env::var("SYSTEMPROMPT_TOKEN")?,
    );
    let folder = env::var("SYSTEMPROMPT_SPOOL").unwrap_or_else(|_| "llm-calls-spool".to_owned());
    let client = reqwest::Client::new();
    let capture = Capture::builder(client.clone(), &url, token).start(folder)?;

    // api.anthropic.com is known; a host of your own has to be named.
    let key = env::var("ANTHROPIC_API_KEY")?;
    let base =
        env::var("ANTHROPIC_BASE_URL").unwrap_or_else(|_| "https://api.anthropic.com".to_owned());
    let llm = LlmClient::builder(client, capture.recorder())
        .provider("anthropic", Wire::Anthropic, &base)?
        .attribution(Attribution::new().agent("explainer"))
        .build();

    let mut questions = BufReader::new(stdin()).lines();
    while let Some(question) = questions.next_line().await? {
        let body = json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 300,
            "messages": [{"role": "user", "content": question}],
        });
        let request = llm
            .post(format!("{base}/v1/messages"))
            .header("x-api-key", &key)
            .header("anthropic-version", "2023-06-01")
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = llm.send(request).await?.error_for_status()?.text().await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let text = answer["content"][0]["text"]
            .as_str()
            .context("an answer without text")?;
        println!("{}: {text}", answer["id"].as_str().unwrap_or_default());
    }
    println!("{:?}", capture.close(Duration::from_secs(5)).await);
    Ok(())
}
