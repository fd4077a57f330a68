//! Delivers events to a server's `/api/v1/events`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::Value;
use systemprompt_domain::Event;

use crate::courier::{Deliver, DeliverError};
use crate::report::report;

/// How long an answer may take. The server commits before it answers.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes that are sent together: less than proxies on the way to a server take, some of
/// which stop at 1 MiB.
const BODY: usize = 768 << 10;

/// A server that takes events. Clones bring to the same one.
///
/// What becomes of events:
///
/// | the server says | then |
/// |---|---|
/// | nothing, 408, 429, 5xx | they stay in the spool; `retry-after` is heeded |
/// | 401, 403, 404 and the like | they stay: somebody has to mend the address or the token |
/// | 413, 400, 422 | they are sent in halves. One that is refused alone while others are taken is given up |
/// | 200, and that it refuses some | those are given up, the others are stored |
///
/// What is given up is counted ([`HttpSink::refused`]) and logged with the reason.
#[derive(Clone)]
pub struct HttpSink {
    client: reqwest::Client,
    url: Arc<str>,
    token: Option<Arc<str>>,
    refused: Arc<AtomicU64>,
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
    refused: u64,
    results: Vec<Value>,
}

/// What became of a batch.
enum Sent {
    /// The server has dealt with each event.
    Taken,
    /// It takes none of them in this form.
    Indigestible(String),
}

impl HttpSink {
    /// The server at `base`, such as `https://analytics.example.com`, with a token
    /// that has the scope `ingest`. The client decides about TLS and proxies.
    #[must_use]
    pub fn new(client: reqwest::Client, base: &str, token: Option<String>) -> Self {
        Self {
            client,
            url: format!("{}/api/v1/events", base.trim_end_matches('/')).into(),
            token: token.map(Into::into),
            refused: Arc::default(),
        }
    }

    /// Events that the server will never take, since this sink was made.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn give_up(&self, events: u64, why: &str) {
        self.refused.fetch_add(events, Ordering::Relaxed);
        tracing::warn!(refused = events, why, "the server refuses events");
    }

    async fn send(&self, reports: &[String]) -> Result<Sent, DeliverError> {
        let mut request = self
            .client
            .post(&*self.url)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .body(format!("[{}]", reports.join(",")));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        // The error's text names the address, which is the operator's own.
        let answer = request.send().await;
        let answer = answer
            .map_err(|error| DeliverError::new(format!("the server cannot be reached: {error}")))?;
        let status = answer.status();
        if !status.is_success() {
            let why = match status.as_u16() {
                400 | 413 | 422 => {
                    return Ok(Sent::Indigestible(format!("HTTP {status}")));
                }
                401 => "the server does not know the token (SYSTEMPROMPT_TOKEN)".to_owned(),
                403 => "the token does not have the scope ingest".to_owned(),
                other => format!("the server answered with HTTP {other}"),
            };
            let after = answer.headers().get(RETRY_AFTER);
            let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(DeliverError::new(why).retry_after(after.map(Duration::from_secs)));
        }
        let body = answer.bytes().await;
        let receipt = body
            .ok()
            .and_then(|body| serde_json::from_slice::<Receipt>(&body).ok())
            .ok_or_else(|| DeliverError::new("the server's answer makes no sense"))?;
        if receipt.refused > 0 {
            let mut lines = receipt.results.iter();
            let refused = lines.find(|line| line["result"] == "refused");
            let why = refused.map(ToString::to_string).unwrap_or_default();
            self.give_up(receipt.refused, &why);
        }
        Ok(Sent::Taken)
    }
}

impl Deliver for HttpSink {
    async fn deliver(&self, events: &[Event]) -> Result<(), DeliverError> {
        let reports = events.iter().filter_map(report);
        let reports: Vec<String> = reports.map(|report| report.to_string()).collect();
        let mut work = parts(&reports);
        work.reverse();
        let (mut taken, mut given_up) = (work.is_empty(), Vec::new());
        while let Some(part) = work.pop() {
            match self.send(part).await? {
                Sent::Taken => taken = true,
                Sent::Indigestible(why) if part.len() == 1 => given_up.push(why),
                Sent::Indigestible(_) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    work.push(second);
                    work.push(first);
                }
            }
        }
        // Whoever takes nothing at all is no server of ours, or something on the way
        // to it is in the way.
        if let (false, Some(why)) = (taken, given_up.first()) {
            let why = format!("the server takes no event at all: {why}");
            return Err(DeliverError::new(why));
        }
        for why in given_up {
            self.give_up(1, &why);
        }
        Ok(())
    }
}

/// Reports in parts that are sent together.
fn parts(reports: &[String]) -> Vec<&[String]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (n, report) in reports.iter().enumerate() {
        if n > start && bytes + report.len() > BODY {
            parts.push(&reports[start..n]);
            (start, bytes) = (n, 0);
        }
        bytes += report.len();
    }
    if start < reports.len() {
        parts.push(&reports[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_small_and_whole() {
        let reports: Vec<String> = [10, BODY - 5, 10, 3 * BODY, 10]
            .map(|n| "x".repeat(n))
            .to_vec();
        let sizes: Vec<usize> = parts(&reports).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 1]);
        let reports = vec!["x".repeat(BODY / 4); 9];
        let sizes: Vec<usize> = parts(&reports).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [4, 4, 1]);
        assert!(parts(&[]).is_empty());
    }
}
