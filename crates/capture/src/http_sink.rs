//! Delivers events to a server's `/api/v1/events`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use systemprompt_domain::Event;

use crate::courier::{Deliver, DeliverError};
use crate::report::report;

/// How long an answer may take. The server commits before it answers.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server that takes events.
#[derive(Clone)]
pub struct HttpSink {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl std::fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSink")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What the server says of a batch.
#[derive(Deserialize)]
struct Receipt {
    refused: usize,
    results: Vec<Value>,
}

impl HttpSink {
    /// The server at `base`, such as `https://analytics.example.com`, with a token
    /// that has the scope `ingest`. The client decides about TLS and proxies.
    #[must_use]
    pub fn new(client: reqwest::Client, base: &str, token: Option<String>) -> Self {
        Self {
            client,
            url: format!("{}/api/v1/events", base.trim_end_matches('/')),
            token,
        }
    }
}

impl Deliver for HttpSink {
    async fn deliver(&self, events: &[Event]) -> Result<(), DeliverError> {
        let reports: Vec<Value> = events.iter().filter_map(report).collect();
        let body = Value::from(reports).to_string();
        let mut request = self
            .client
            .post(&self.url)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let later = |why: String| DeliverError(why);
        // The error's text names the address, which is the operator's own.
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| later(format!("the server cannot be reached: {error}")))?;
        let status = answer.status();
        if !status.is_success() {
            let why = match status.as_u16() {
                401 => "the server does not know the token (SYSTEMPROMPT_TOKEN)".to_owned(),
                403 => "the token does not have the scope ingest".to_owned(),
                other => format!("the server answered with HTTP {other}"),
            };
            return Err(later(why));
        }
        let body = answer.bytes().await;
        let receipt = body
            .ok()
            .and_then(|body| serde_json::from_slice::<Receipt>(&body).ok())
            .ok_or_else(|| later("the server's answer makes no sense".to_owned()))?;
        if receipt.refused > 0 {
            let refused = receipt
                .results
                .iter()
                .find(|line| line["result"] == "refused");
            let why = refused.map(ToString::to_string).unwrap_or_default();
            tracing::warn!(refused = receipt.refused, why, "the server refuses events");
        }
        Ok(())
    }
}
