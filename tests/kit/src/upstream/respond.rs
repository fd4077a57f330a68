//! An answer on its way to the client: pieces, faults, framing and headers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::{HeaderMap, Response, StatusCode};

use super::behaviour::{Behaviour, Framing};
use super::body::{Between, End, Paced};
use super::route::Wire;
use super::{faults, headers};

/// An answer before anything happens to its bytes.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) sse: bool,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) const fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            sse: false,
            body,
        }
    }
}

/// The pieces of an answer, its head, and what happens on its way.
pub(super) fn respond(
    answer: Answer,
    wire: Wire,
    behaviour: &Behaviour,
    number: u64,
    gzip: bool,
    cut: Arc<AtomicBool>,
) -> Response<Paced> {
    let Answer { status, sse, body } = answer;
    let body = faults::broken(body, behaviour, sse);
    let mut pieces = faults::pieces(body.into(), behaviour, sse);
    let mut encoded = false;
    if gzip && let Ok(compressed) = faults::gzipped(pieces.clone()) {
        (pieces, encoded) = (compressed, true);
    }
    let len = pieces.iter().map(Bytes::len).sum::<usize>();
    if let Some(limit) = faults::bytes_before_fault(behaviour, len) {
        faults::truncate(&mut pieces, limit);
    }
    let mut body = Paced::new(pieces);
    body.between = match (behaviour.slow, behaviour.split) {
        (Some(pause), _) => Between::Pause(pause),
        (None, Some(_)) => Between::Flush,
        (None, None) => Between::Nothing,
    };
    body.end = match (behaviour.cut, behaviour.hang) {
        (Some(kind), _) => End::Cut(kind.reset.then_some(cut)),
        (None, Some(_)) => End::Hang,
        (None, None) => End::Finish,
    };
    let by_length = behaviour
        .framing
        .map_or(!sse, |framing| framing == Framing::Length);
    body.length = by_length.then_some(len as u64);

    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let head = response.headers_mut();
    headers::add(head, wire, number);
    if status >= 400 {
        headers::add_retry(head, wire, status, behaviour.retry_after);
    }
    let content_type = match (sse, wire) {
        (true, Wire::Gemini) => "text/event-stream",
        (true, _) => "text/event-stream; charset=utf-8",
        (false, Wire::Gemini) => "application/json; charset=UTF-8",
        (false, _) => "application/json",
    };
    head.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if encoded {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Sends the client to a path that only a follower of redirects calls.
pub(super) fn redirect(request: &HeaderMap) -> Response<Paced> {
    let host = request
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut response = Response::new(Paced::new([].into()));
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = format!("http://{host}/mock-redirected").parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response.body_mut().length = Some(0);
    response
}

pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted
            .split(',')
            .any(|coding| matches!(coding.trim().split(';').next(), Some("gzip" | "*")))
    })
}
