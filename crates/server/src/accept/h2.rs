//! HTTP/2 on encrypted connections: limits on streams, and requests and answers that the
//! routes need not tell from those of HTTP/1.1.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;

/// Requests at once on a connection.
const STREAMS: u32 = 100;
/// Requests that were taken back before they were looked at, and that broke the rules:
/// beyond, the connection ends ("rapid reset").
const RESETS: usize = 20;
/// Bytes of a request's head.
const HEAD: u32 = 64 << 10;

/// How such connections are served. A client that is gone is noticed after two times
/// `silence`.
pub(super) fn builder(silence: Duration) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .max_header_list_size(HEAD)
        .keep_alive_interval(silence)
        .keep_alive_timeout(silence);
    http
}

/// The request as HTTP/1.1 would have it: the host is a header, the address a path.
pub(super) fn plain<B>(mut request: Request<B>) -> Request<B> {
    let host = request.uri().authority();
    let host = host.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        // One name for whom the request is meant for, whatever else is said.
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request
}

/// The requests under way on a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(watch::Sender<usize>);

impl Streams {
    /// One more, until its answer has left.
    pub(super) fn begin(&self) -> Stream {
        self.0.send_modify(|open| *open += 1);
        Stream(self.0.clone())
    }

    /// Returns when there was none for so long.
    pub(super) async fn idle(&self, silence: Duration) {
        let mut open = self.0.subscribe();
        loop {
            // The sender is ours: neither can fail.
            let _ = open.wait_for(|open| *open == 0).await;
            let busy = open.wait_for(|open| *open > 0);
            if tokio::time::timeout(silence, busy).await.is_err() {
                return;
            }
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Stream(watch::Sender<usize>);

impl Stream {
    /// The answer, without what HTTP/2 has no place for.
    pub(super) fn answer(self, mut answer: Response<Body>) -> Response<Answer> {
        answer.headers_mut().remove(CONNECTION);
        answer.headers_mut().remove(TRANSFER_ENCODING);
        answer.map(|body| Answer {
            body,
            _stream: self,
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    _stream: Stream,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        http_body::Body::poll_frame(Pin::new(&mut self.body), cx)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_once() {
        let request = Request::get("https://one.example:8443/a/b?c=d")
            .header(HOST, "two.example")
            .body(())
            .expect("a request");
        let request = plain(request);
        assert_eq!(request.uri(), "/a/b?c=d");
        assert_eq!(request.headers()[HOST], "one.example:8443");
        let request = plain(Request::connect("one.example:80").body(()).expect("one"));
        assert_eq!(request.uri(), "/");
    }

    #[tokio::test]
    async fn a_connection_is_idle_when_nothing_was_under_way_for_long_enough() {
        let streams = Streams::default();
        let idle = |millis| {
            let streams = streams.clone();
            async move {
                let idle = streams.idle(Duration::from_millis(50));
                tokio::time::timeout(Duration::from_millis(millis), idle)
                    .await
                    .is_ok()
            }
        };
        let stream = streams.begin();
        assert!(!idle(200).await);
        let answer = stream.answer(Response::new(Body::from("text")));
        assert!(!idle(200).await, "its answer has not left");
        drop(answer);
        assert!(idle(5_000).await);
    }
}
