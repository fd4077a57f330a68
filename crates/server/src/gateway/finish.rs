//! From what was seen to what is recorded: state, usage, cost, times.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use systemprompt_domain::event::{RequestContext, RequestFinished};
use systemprompt_domain::text::bounded;
use systemprompt_domain::{RequestState, Usage, UsageSource};
use systemprompt_meters::{Ending, Meter, Outcome};
use systemprompt_pricing::Catalogue;
use time::OffsetDateTime;

use super::errors::GatewayError;
use super::exchange::Exchange;

/// Tool calls that are kept of one answer.
const MOST_TOOLS: usize = 16;

/// How reading the provider's answer ended.
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

/// Everything known at the end of an exchange.
#[derive(Debug)]
pub(super) struct Finish {
    end: End,
    status: Option<StatusCode>,
    provider_request_id: Option<String>,
    outcome: Option<Outcome>,
    left_early: bool,
    latency: Option<Duration>,
    ttfb: Option<Duration>,
    response_bytes: u64,
}

impl Finish {
    /// The provider never answered.
    pub(super) const fn without_answer(end: End) -> Self {
        Self {
            end,
            status: None,
            provider_request_id: None,
            outcome: None,
            left_early: false,
            latency: None,
            ttfb: None,
            response_bytes: 0,
        }
    }

    pub(super) fn new(
        exchange: &Exchange,
        status: StatusCode,
        headers: &HeaderMap,
        end: End,
        meter: Meter,
        left_early: bool,
    ) -> Self {
        let id = ["request-id", "x-request-id"]
            .iter()
            .find_map(|name| headers.get(*name));
        Self {
            end,
            status: Some(status),
            provider_request_id: id.and_then(|id| id.to_str().ok()).map(bounded),
            outcome: Some(meter.finish()),
            left_early,
            latency: Some(exchange.arrived.elapsed()),
            ttfb: None,
            response_bytes: 0,
        }
    }

    pub(super) const fn timed(mut self, ttfb: Option<Duration>, response_bytes: u64) -> Self {
        self.ttfb = ttfb;
        self.response_bytes = response_bytes;
        self
    }

    /// The model's ids of the tool calls that it asked for.
    pub(super) fn call_ids(&self) -> &[String] {
        let outcome = self.outcome.as_ref();
        outcome.map_or(&[], |outcome| outcome.tool_call_ids.as_slice())
    }

    pub(super) const fn end(&self) -> &End {
        &self.end
    }

    /// The state, and our own name for what went wrong.
    fn state(&self) -> (RequestState, Option<&'static str>) {
        let decodable = self
            .outcome
            .as_ref()
            .is_some_and(|outcome| outcome.decodable);
        let ending = self
            .outcome
            .as_ref()
            .map_or(Ending::Open, |outcome| outcome.ending);
        match &self.end {
            End::Unreachable(error) => (RequestState::Failed, Some(error.kind)),
            End::NoAnswer(error) => (RequestState::UpstreamTimeout, Some(error.kind)),
            End::Shutdown => (RequestState::Shutdown, Some("server_stopped")),
            _ if self.status.is_some_and(|status| !status.is_success()) => {
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

    /// The event that is recorded.
    pub(super) fn event(&self, exchange: &Exchange) -> RequestFinished {
        let context = exchange.context.clone();
        let (state, ours) = self.state();
        let outcome = self.outcome.as_ref();
        let bound = |text: Option<&String>| text.map(|text| bounded(text));
        let served_model = bound(outcome.and_then(|o| o.served_model.as_ref()));
        let usage = outcome
            .and_then(|o| o.usage.clone())
            .filter(Usage::is_credible);
        // One catalogue for the whole event, whatever is imported meanwhile.
        let catalogue = exchange.gateway.prices.current();
        let cost = usage.as_ref().and_then(|usage| {
            catalogue.cost(
                &context.provider,
                served_model.as_deref(),
                context.requested_model.as_deref(),
                context.created_at,
                usage,
            )
        });
        let error = outcome.and_then(|o| o.error.as_ref());
        let stated = bound(error.and_then(|error| error.kind.as_ref()));
        let error_type = ours.map(|ours| stated.unwrap_or_else(|| ours.to_owned()));
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        RequestFinished {
            state,
            http_status: self.status.map(|status| status.as_u16()),
            error_code: error_type
                .as_ref()
                .and(bound(error.and_then(|error| error.code.as_ref()))),
            error_type,
            finish_reason: bound(outcome.and_then(|o| o.finish_reason.as_ref())),
            tool_calls: outcome.map_or_else(Vec::new, |o| tools(&o.tool_calls)),
            served_model,
            provider_request_id: self.provider_request_id.clone(),
            response_id: bound(outcome.and_then(|o| o.response_id.as_ref())),
            usage_source: if usage.is_some() {
                UsageSource::Provider
            } else {
                UsageSource::None
            },
            usage_injected: exchange.injected,
            other_price_versions: other_versions(&catalogue, &context, usage.as_ref()),
            usage: usage.unwrap_or_default(),
            raw_usage: outcome.and_then(|o| o.raw_usage.clone()),
            price_version: cost.as_ref().map(|cost| cost.price_version.clone()),
            cost: cost.map(|cost| cost.total),
            latency_us: self.latency.map(micros),
            ttfb_us: self.ttfb.map(micros),
            response_bytes: self.response_bytes,
            finished_at: OffsetDateTime::now_utc(),
            context,
        }
    }
}

/// The first tools the model asked for: enough to tell what it was about.
fn tools(names: &[String]) -> Vec<String> {
    names
        .iter()
        .take(MOST_TOOLS)
        .map(|name| bounded(name))
        .collect()
}

/// The price versions of the other models a request used.
fn other_versions(
    catalogue: &Catalogue,
    context: &RequestContext,
    usage: Option<&Usage>,
) -> Vec<String> {
    let others = usage.map_or(&[][..], |usage| &usage.other_models);
    let find =
        |model: &str| catalogue.find(&context.provider, Some(model), None, context.created_at);
    others
        .iter()
        .map(|other| find(&other.model).map_or_else(String::new, |v| v.id.clone()))
        .collect()
}
