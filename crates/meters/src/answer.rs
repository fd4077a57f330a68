//! From what was seen of an exchange with a provider to what is recorded of it: how
//! it ended, what it used, how long it took. What that costs others know.

use std::time::Duration;

use systemprompt_domain::event::{RequestContext, RequestFinished};
use systemprompt_domain::state::RequestState;
use systemprompt_domain::text::bounded;
use systemprompt_domain::usage::{Usage, UsageSource};
use time::OffsetDateTime;

use crate::outcome::{Ending, Outcome};
use crate::request::RequestFacts;

/// Tool calls that are kept of one answer.
const MOST_TOOLS: usize = 16;

/// Headers in which providers name the request.
pub const REQUEST_IDS: [&str; 2] = ["request-id", "x-request-id"];

/// How reading a provider's answer ended. The names in it are our own short words for
/// what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The body came to its end, or to its terminal event.
    Whole,
    /// The connection broke in the middle.
    Cut,
    /// The provider said nothing for too long, in the middle.
    Silent,
    /// The provider could not be reached.
    Unreachable(&'static str),
    /// The provider did not answer at all.
    NoAnswer(&'static str),
    /// The client left before the provider was done.
    ClientLeft,
    /// Whoever watched was stopped.
    Shutdown,
}

/// Everything known at the end of an exchange.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How it ended.
    pub end: End,
    /// The HTTP status; `None` if the provider never answered.
    pub status: Option<u16>,
    /// The provider's id of the request, from its headers ([`REQUEST_IDS`]).
    pub provider_request_id: Option<String>,
    /// What the meter found; `None` without an answer.
    pub outcome: Option<Outcome>,
    /// The client left before the provider's terminal event.
    pub left_early: bool,
    /// `include_usage` was added for the client, and its event taken out again.
    pub usage_injected: bool,
    /// From the request to the end; `None` when the end was not seen.
    pub latency: Option<Duration>,
    /// From the request to the first byte of the body.
    pub ttfb: Option<Duration>,
    /// Size of the body as it came, in bytes.
    pub response_bytes: u64,
}

impl Answer {
    /// No provider answered.
    #[must_use]
    pub const fn none(end: End) -> Self {
        Self {
            end,
            status: None,
            provider_request_id: None,
            outcome: None,
            left_early: false,
            usage_injected: false,
            latency: None,
            ttfb: None,
            response_bytes: 0,
        }
    }

    /// The state, and our own name for what went wrong.
    #[must_use]
    pub fn state(&self) -> (RequestState, Option<&'static str>) {
        let outcome = self.outcome.as_ref();
        let decodable = outcome.is_some_and(|outcome| outcome.decodable);
        let ending = outcome.map_or(Ending::Open, |outcome| outcome.ending);
        match self.end {
            End::Unreachable(kind) => (RequestState::Failed, Some(kind)),
            End::NoAnswer(kind) => (RequestState::UpstreamTimeout, Some(kind)),
            End::Shutdown => (RequestState::Shutdown, Some("server_stopped")),
            _ if self
                .status
                .is_some_and(|status| !(200..300).contains(&status)) =>
            {
                (RequestState::Failed, Some("http_error"))
            }
            _ if ending == Ending::Errored => (RequestState::Failed, Some("provider_error")),
            _ if self.left_early => (RequestState::ClientDisconnect, Some("client_left")),
            End::ClientLeft => (RequestState::ClientDisconnect, Some("client_left")),
            End::Silent => (RequestState::UpstreamTimeout, Some("upstream_silent")),
            End::Cut => (RequestState::Failed, Some("upstream_cut")),
            End::Whole if ending == Ending::Open && decodable => {
                (RequestState::Failed, Some("incomplete_answer"))
            }
            End::Whole => (RequestState::Completed, None),
        }
    }

    /// What is recorded of the request, without what it cost.
    #[must_use]
    pub fn finished(&self, context: RequestContext, at: OffsetDateTime) -> RequestFinished {
        let (state, ours) = self.state();
        let outcome = self.outcome.as_ref();
        let bound = |text: Option<&String>| text.map(|text| bounded(text));
        let usage = outcome
            .and_then(|o| o.usage.clone())
            .filter(Usage::is_credible);
        let error = outcome.and_then(|o| o.error.as_ref());
        let stated = bound(error.and_then(|error| error.kind.as_ref()));
        let error_type = ours.map(|ours| stated.unwrap_or_else(|| ours.to_owned()));
        let code = bound(error.and_then(|error| error.code.as_ref()));
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        RequestFinished {
            http_status: self.status,
            error_code: error_type.as_ref().and(code),
            error_type,
            finish_reason: bound(outcome.and_then(|o| o.finish_reason.as_ref())),
            tool_calls: outcome.map_or_else(Vec::new, |o| tools(&o.tool_calls)),
            served_model: bound(outcome.and_then(|o| o.served_model.as_ref())),
            provider_request_id: bound(self.provider_request_id.as_ref()),
            response_id: bound(outcome.and_then(|o| o.response_id.as_ref())),
            usage_source: match usage {
                Some(_) => UsageSource::Provider,
                None => UsageSource::None,
            },
            usage_injected: self.usage_injected,
            usage: usage.unwrap_or_default(),
            raw_usage: outcome.and_then(|o| o.raw_usage.clone()),
            latency_us: self.latency.map(micros),
            ttfb_us: self.ttfb.map(micros),
            response_bytes: self.response_bytes,
            ..RequestFinished::unanswered(context, state, at)
        }
    }
}

/// The first tools the model asked for: enough to tell what it was about.
fn tools(names: &[String]) -> Vec<String> {
    let names = names.iter().take(MOST_TOOLS);
    names.map(|name| bounded(name)).collect()
}

impl RequestFacts {
    /// Adds to a context what the request's body says, where it is not known yet:
    /// the model, the user, and that it asks for a stream.
    pub fn refine(&self, context: &mut RequestContext) {
        context.streamed |= self.stream;
        if context.requested_model.is_none() {
            context.requested_model = self.model.as_deref().map(bounded);
        }
        if context.user.is_none() {
            context.user = self.user.as_deref().map(bounded);
        }
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::api::Api;

    use super::*;
    use crate::meter::Meter;

    fn answer(end: End, status: u16, body: &[u8]) -> Answer {
        let mut meter = Meter::new(Api::Messages, status, "application/json", "");
        meter.feed(body);
        Answer {
            status: Some(status),
            outcome: Some(meter.finish()),
            ..Answer::none(end)
        }
    }

    #[test]
    fn what_was_seen_says_how_it_ended() {
        let whole =
            br#"{"type":"message","model":"m","usage":{"input_tokens":3,"output_tokens":4}}"#;
        let refused = br#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
        for (seen, state, name) in [
            (
                answer(End::Whole, 200, whole),
                RequestState::Completed,
                None,
            ),
            (
                answer(End::Whole, 200, &whole[..20]),
                RequestState::Failed,
                Some("incomplete_answer"),
            ),
            (
                answer(End::Cut, 200, &whole[..20]),
                RequestState::Failed,
                Some("upstream_cut"),
            ),
            (
                answer(End::ClientLeft, 200, &whole[..20]),
                RequestState::ClientDisconnect,
                Some("client_left"),
            ),
            (
                answer(End::Whole, 529, refused),
                RequestState::Failed,
                Some("http_error"),
            ),
            (
                Answer::none(End::Unreachable("connect")),
                RequestState::Failed,
                Some("connect"),
            ),
            (
                Answer::none(End::NoAnswer("timeout")),
                RequestState::UpstreamTimeout,
                Some("timeout"),
            ),
        ] {
            assert_eq!(seen.state(), (state, name), "{seen:?}");
        }
    }
}
