//! A raw HTTP client: nothing decoded, nothing retried, what arrived before an
//! error is kept.

#![allow(clippy::unwrap_used)] // a connection that fails here fails the test

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use systemprompt_testkit::upstream::Upstream;
use tokio::net::TcpStream;

/// A mock without recordings.
pub(crate) async fn mock() -> Upstream {
    Upstream::start(None).await.unwrap()
}

/// What arrived.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body by frames: chunks of the transfer coding, or reads.
    pub(crate) frames: Vec<Bytes>,
    /// What ended the body early.
    pub(crate) error: Option<hyper::Error>,
}

impl Answer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frames.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The data of each event, parsed where it is JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into()))
            .collect()
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn send(
    mock: &Upstream,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let stream = TcpStream::connect(mock.addr).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "mock.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let (head, mut body) = sender.send_request(request).await.unwrap().into_parts();
    let (mut frames, mut error) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => frames.extend(frame.into_data().ok()),
            Err(broken) => {
                error = Some(broken);
                break;
            }
        }
    }
    Answer {
        status: head.status,
        headers: head.headers,
        frames,
        error,
    }
}

/// Posts a JSON body with an `x-mock` header.
pub(crate) async fn post(mock: &Upstream, target: &str, options: &str, body: &Value) -> Answer {
    send(
        mock,
        Method::POST,
        target,
        &[("x-mock", options)],
        body.to_string(),
    )
    .await
}
