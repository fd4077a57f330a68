//! One exchange with a provider: a copy of the answer is metered as it passes, and the
//! end is recorded, whichever it is.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{Response, ResponseBuilderExt as _};
use systemprompt_domain::Event;
use systemprompt_domain::event::RequestContext;
use systemprompt_meters::{Answer, End, Meter, REQUEST_IDS, UsageFilter};
use time::OffsetDateTime;

use crate::recorder::Recorder;
use crate::spool::Admission;

/// A request that is under way. Dropped before its end it was left by the client.
pub(super) struct Exchange {
    recorder: Recorder,
    /// Goes with the record.
    open: Option<(RequestContext, Admission)>,
    begun: Instant,
    answer: Answer,
    meter: Option<Meter>,
    /// The provider's terminal event has begun: who leaves now has everything.
    terminal: bool,
}

impl Exchange {
    pub(super) fn new(
        recorder: Recorder,
        admission: Admission,
        context: RequestContext,
        asks_for_usage: bool,
    ) -> Self {
        let mut answer = Answer::none(End::ClientLeft);
        answer.usage_injected = asks_for_usage;
        Self {
            recorder,
            open: Some((context, admission)),
            begun: Instant::now(),
            answer,
            meter: None,
            terminal: false,
        }
    }

    /// The provider did not answer.
    pub(super) fn unanswered(mut self, error: &reqwest::Error) {
        self.end(match error.is_timeout() {
            true => End::NoAnswer("upstream_timeout"),
            false => End::Unreachable("upstream_unreachable"),
        });
    }

    /// The provider answers: its body is watched on its way.
    pub(super) fn answered(mut self, response: Response) -> Response {
        let url = response.url().clone();
        let (mut head, body) = http::Response::from(response).into_parts();
        let text = |name: HeaderName| {
            let value = head.headers.get(name);
            value.and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        let content_type = text(CONTENT_TYPE);
        let encoding = text(CONTENT_ENCODING);
        let plain_events = content_type.starts_with("text/event-stream") && encoding.is_empty();
        let filters = self.answer.usage_injected && plain_events && head.status.is_success();
        if let Some((context, _)) = &self.open {
            let status = head.status.as_u16();
            self.meter = Some(Meter::new(context.api, status, content_type, encoding));
        }
        self.answer.status = Some(head.status.as_u16());
        self.answer.provider_request_id = request_id(&head.headers);
        if filters {
            // The body gets shorter than the provider said.
            head.headers.remove(CONTENT_LENGTH);
        }
        let watched = Watched {
            body,
            exchange: self,
            filter: filters.then(UsageFilter::new),
            ended: false,
        };
        // The address is no part of `http`'s response, so it has to be said again.
        if let Ok(address) = http::Response::builder().url(url).body(()) {
            head.extensions.extend(address.into_parts().0.extensions);
        }
        http::Response::from_parts(head, reqwest::Body::wrap(watched)).into()
    }

    /// Reads a copy of what passes.
    fn feed(&mut self, bytes: &[u8]) {
        let begun = self.begun;
        self.answer.ttfb.get_or_insert_with(|| begun.elapsed());
        self.answer.response_bytes += bytes.len() as u64;
        if let Some(meter) = &mut self.meter {
            self.terminal |= meter.feed(bytes).is_some();
        }
    }

    /// Records the end, the first time.
    fn end(&mut self, end: End) {
        let Some((context, admission)) = self.open.take() else {
            return;
        };
        let meter = self.meter.take();
        // After the terminal event nothing changes the state.
        let whole = meter.as_ref().is_some_and(Meter::is_complete);
        let left = end == End::ClientLeft;
        let mut answer = self.answer.clone();
        answer.end = if whole { End::Whole } else { end };
        answer.left_early = left && !self.terminal;
        answer.latency = Some(self.begun.elapsed());
        answer.outcome = meter.map(Meter::finish);
        let finished = answer.finished(context, OffsetDateTime::now_utc());
        // On its way to the disk at once; nobody waits for it.
        drop(
            self.recorder
                .record_durably(&Event::RequestReported(Box::new(finished))),
        );
        drop(admission);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::ClientLeft);
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name));
    Some(id?.to_str().ok()?.to_owned())
}

/// An answer that is looked at as it passes.
struct Watched {
    body: reqwest::Body,
    exchange: Exchange,
    /// Takes out what was asked for on the client's behalf.
    filter: Option<UsageFilter>,
    ended: bool,
}

impl Watched {
    /// What the client gets of these bytes.
    fn pass(&mut self, bytes: Bytes) -> Bytes {
        self.exchange.feed(&bytes);
        match &mut self.filter {
            None => bytes,
            Some(filter) => {
                let mut out = Vec::with_capacity(bytes.len());
                filter.feed(&bytes, &mut out);
                out.into()
            }
        }
    }

    /// What the filter kept back until it knew that nothing follows.
    fn rest(&mut self) -> Option<Bytes> {
        let mut rest = Vec::new();
        self.filter.take()?.finish(&mut rest);
        (!rest.is_empty()).then(|| rest.into())
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let this = self.get_mut();
        while !this.ended {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                return Poll::Pending;
            };
            match frame {
                Some(Ok(frame)) => {
                    let frame = match frame.into_data() {
                        Ok(bytes) => Frame::data(this.pass(bytes)),
                        Err(frame) => frame,
                    };
                    // A body of known length is not asked for its end.
                    if this.filter.is_none() && this.body.is_end_stream() {
                        this.ended = true;
                        this.exchange.end(End::Whole);
                    }
                    // What was taken out leaves nothing to pass.
                    if frame.data_ref().is_none_or(|bytes| !bytes.is_empty()) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Some(Err(error)) => {
                    this.ended = true;
                    this.exchange.end(match error.is_timeout() {
                        true => End::Silent,
                        false => End::Cut,
                    });
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    this.exchange.end(End::Whole);
                }
            }
        }
        Poll::Ready(this.rest().map(|rest| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        // Not before the end was recorded and everything has left.
        self.ended && self.filter.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.filter {
            None => self.body.size_hint(),
            Some(_) => SizeHint::default(),
        }
    }
}
