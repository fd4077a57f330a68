//! Posting JSON to a web hook: one attempt, no redirects, and what a refusal
//! means.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::channels::Channel;
use crate::error::{NotifyError, Retry, SendError, root_cause};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);

/// No receiver may put a message off for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The part of a refusal's body that is read.
const EXPLANATION_BYTES: usize = 16 * 1024;

/// A client with limits to how long it waits, and without habits: nothing is
/// followed or tried again, and no other machine's proxy sees the messages.
///
/// # Errors
/// When the machine has no TLS to offer.
pub fn client() -> Result<Client, NotifyError> {
    let refuse = |error: rustls::Error| NotifyError::Client(error.into());
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refuse)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .no_proxy()
        .user_agent(concat!("systemprompt/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .build()
        .map_err(|error| NotifyError::Client(error.into()))
}

/// A post of JSON to an address.
pub(crate) fn post(client: &Client, url: Url, body: impl Into<reqwest::Body>) -> RequestBuilder {
    client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(body)
}

/// Whose hook it is: for errors.
pub(crate) struct Hook {
    pub(crate) channel: Channel,
    /// The setting that holds its address.
    pub(crate) key: &'static str,
    /// Finds what may be shown of a refusal's body. Bodies repeat addresses.
    pub(crate) explain: fn(&[u8]) -> Option<String>,
    /// Finds the seconds to wait in a refusal's body.
    pub(crate) wait: fn(&[u8]) -> Option<f64>,
}

/// Sends a request once.
pub(crate) async fn send(hook: &Hook, request: RequestBuilder) -> Result<(), SendError> {
    let response = match request.send().await {
        Ok(response) if response.status().is_success() => return Ok(()),
        Ok(response) => response,
        Err(error) => return Err(SendError::later(hook.channel, not_sent(error))),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = beginning(response).await;
    let mut reason = format!("answered {status}");
    if let Some(explanation) = (hook.explain)(&body) {
        reason.push_str(&format!(" ({explanation})"));
    }
    let can_pass = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    if can_pass {
        let after = retry_after(&headers).or_else(|| seconds((hook.wait)(&body)?));
        let retry = after.map_or(Retry::Later, |after| Retry::After(after.min(LONGEST_WAIT)));
        return Err(SendError::new(hook.channel, reason, retry));
    }
    if status.is_redirection() {
        reason.push_str("; redirects are not followed");
    }
    reason.push_str(&format!("; check {}", hook.key));
    Err(SendError::never(hook.channel, reason))
}

/// Why a request got no answer, without its address.
fn not_sent(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        format!("cannot connect: {}", root_cause(&error))
    } else {
        format!("the connection broke: {}", root_cause(&error))
    }
}

/// The first bytes of a body, as far as they come.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= EXPLANATION_BYTES {
            body.truncate(EXPLANATION_BYTES);
            break;
        }
    }
    body
}

/// The header says seconds, or a moment.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(after) = text.parse() {
        return seconds(after);
    }
    let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Duration::try_from(moment - OffsetDateTime::now_utc()).unwrap_or_default())
}

/// Whole seconds, rather too many than too few.
fn seconds(after: f64) -> Option<Duration> {
    let longest = LONGEST_WAIT.as_secs_f64();
    (after >= 0.0).then(|| Duration::from_secs_f64(after.min(longest).ceil()))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_silent_receiver_is_not_waited_for() {
        const HOOK: Hook = Hook {
            channel: Channel::Webhook,
            key: "",
            explain: |_| None,
            wait: |_| None,
        };
        // Its connections are made by the system; nobody ever speaks.
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", silent.local_addr().expect("it is bound"));
        let url = url.parse().expect("a valid address");
        let request = post(&client().expect("a client"), url, "{}");
        let request = request.timeout(Duration::from_millis(50));
        let error = send(&HOOK, request).await.expect_err("nobody took it");
        assert_eq!(error.to_string(), "webhook: no answer in time");
        assert_eq!(error.retry(), Retry::Later);
    }

    fn after(text: &'static str) -> Option<Duration> {
        let headers = [(RETRY_AFTER, HeaderValue::from_static(text))];
        retry_after(&HeaderMap::from_iter(headers))
    }

    #[test]
    fn waits_are_seconds_or_a_moment() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("0.3"), Some(Duration::from_secs(1)));
        assert_eq!(after("inf"), Some(LONGEST_WAIT));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(after("Fri, 31 Dec 9999 23:59:59 GMT") > Some(LONGEST_WAIT));
        for nonsense in ["soon", "-1", "NaN", ""] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }
}
