//! From what was seen to what is recorded: what the meters crate makes of it, and its
//! price.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use systemprompt_domain::event::RequestFinished;
use systemprompt_meters::{Answer, Meter, REQUEST_IDS};
use time::OffsetDateTime;

use super::errors::GatewayError;
use super::exchange::Exchange;

/// How reading the provider's answer ended, with what the client is told where there
/// is none.
#[derive(Debug)]
pub(super) enum End {
    /// The body came to its end, or to its terminal event.
    Whole,
    /// The connection broke in the middle.
    Cut,
    /// The provider said nothing for too long, in the middle.
    Silent,
    /// The provider could not be reached.
    Unreachable(GatewayError),
    /// The provider did not answer at all.
    NoAnswer(GatewayError),
    /// The client left, and patience with the provider ran out.
    ClientLeft,
    /// The server stops.
    Shutdown,
}

impl End {
    const fn seen(&self) -> systemprompt_meters::End {
        match self {
            Self::Whole => systemprompt_meters::End::Whole,
            Self::Cut => systemprompt_meters::End::Cut,
            Self::Silent => systemprompt_meters::End::Silent,
            Self::Unreachable(error) => systemprompt_meters::End::Unreachable(error.kind),
            Self::NoAnswer(error) => systemprompt_meters::End::NoAnswer(error.kind),
            Self::ClientLeft => systemprompt_meters::End::ClientLeft,
            Self::Shutdown => systemprompt_meters::End::Shutdown,
        }
    }
}

/// Everything known at the end of an exchange.
#[derive(Debug)]
pub(super) struct Finish {
    end: End,
    answer: Answer,
}

impl Finish {
    /// The provider never answered.
    pub(super) fn without_answer(end: End) -> Self {
        let answer = Answer::none(end.seen());
        Self { end, answer }
    }

    pub(super) fn new(
        exchange: &Exchange,
        status: StatusCode,
        headers: &HeaderMap,
        end: End,
        meter: Meter,
        left_early: bool,
    ) -> Self {
        let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name));
        let answer = Answer {
            status: Some(status.as_u16()),
            provider_request_id: id.and_then(|id| id.to_str().ok()).map(str::to_owned),
            outcome: Some(meter.finish()),
            left_early,
            latency: Some(exchange.arrived.elapsed()),
            ..Answer::none(end.seen())
        };
        Self { end, answer }
    }

    pub(super) const fn timed(mut self, ttfb: Option<Duration>, response_bytes: u64) -> Self {
        self.answer.ttfb = ttfb;
        self.answer.response_bytes = response_bytes;
        self
    }

    /// The model's ids of the tool calls that it asked for.
    pub(super) fn call_ids(&self) -> &[String] {
        let outcome = self.answer.outcome.as_ref();
        outcome.map_or(&[], |outcome| outcome.tool_call_ids.as_slice())
    }

    pub(super) const fn end(&self) -> &End {
        &self.end
    }

    /// The event that is recorded.
    pub(super) fn event(&self, exchange: &Exchange) -> RequestFinished {
        let context = exchange.context.clone();
        let mut event = self.answer.finished(context, OffsetDateTime::now_utc());
        event.usage_injected = exchange.injected;
        exchange.gateway.prices.price(&mut event);
        event
    }
}
