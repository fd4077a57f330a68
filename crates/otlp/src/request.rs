//! A span of inference as a request.

use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::{RequestId, RequestState, Usage, UsageSource};

use crate::What;
use crate::attributes::Attributes;
use crate::export::{Origin, Reading};
use crate::names::{self, Operation};
use crate::span::Common;
use crate::usage;

const MODEL: &[&str] = &["gen_ai.request.model", "llm.request.model"];
const SERVED: &[&str] = &["gen_ai.response.model", "llm.response.model"];

/// Whether a span whose operation has no name asks a model.
pub(crate) fn is_one(attributes: Attributes<'_>) -> bool {
    attributes.has(MODEL)
        && (attributes.has(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"])
            || attributes.has(&["gen_ai.response.id"]))
}

/// Reads the request. Without provider and model it is none that could be told of.
pub(crate) fn read(origin: &Origin<'_>, span: &Common<'_>, operation: Operation) -> Reading {
    let attributes = span.attributes;
    let requested_model = attributes.text(MODEL);
    let served_model = attributes.text(SERVED);
    let Some(provider) = names::provider(attributes) else {
        return Ok(None);
    };
    if requested_model.is_none() && served_model.is_none() {
        return Ok(None);
    }
    let stated = usage::usage(origin, &provider, attributes);
    let stated = stated.filter(Usage::is_credible);
    let state = attributes.text(&[names::STATE]);
    let state = state.and_then(|name| RequestState::named(&name));
    let state = state.unwrap_or(match span.failed || attributes.has(&["error.type"]) {
        true => RequestState::Failed,
        false => RequestState::Completed,
    });
    let error_type = attributes.text(&["error.type"]);
    let status = attributes.count(&["http.response.status_code", "http.status_code"]);
    // The conventions' error type is the status where there is one.
    let status = status.or_else(|| error_type.as_deref()?.parse().ok());
    let context = RequestContext {
        id: RequestId(span.stamp.id),
        created_at: span.stamp.at,
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent,
        user: attributes.text(names::USER),
        agent: attributes.text(names::AGENT),
        token: None,
        session_id: attributes.text(names::SESSION),
        conversation_id: attributes.text(&["gen_ai.conversation.id"]),
        conversation_derived: false,
        api: names::api(&provider, operation, span.name, attributes),
        provider,
        requested_model,
        streamed: attributes
            .flag(&[
                "gen_ai.request.stream",
                "gen_ai.is_streaming",
                "llm.is_streaming",
            ])
            .unwrap_or(false),
        request_bytes: 0,
        reserved: Reserved::default(),
    };
    Ok(Some(What::Request(Box::new(RequestFinished {
        http_status: status
            .and_then(|status| u16::try_from(status).ok())
            .filter(is_status),
        error_type: (state != RequestState::Completed)
            .then(|| error_type.unwrap_or_else(|| "error".to_owned())),
        finish_reason: attributes.text(&[
            "gen_ai.response.finish_reasons",
            "gen_ai.response.finish_reason",
            "llm.response.finish_reason",
            "gen_ai.response.stop_reason",
            "llm.response.stop_reason",
        ]),
        served_model,
        response_id: attributes.text(&["gen_ai.response.id"]),
        usage_source: match stated {
            Some(_) => UsageSource::Provider,
            None => UsageSource::None,
        },
        raw_usage: stated.as_ref().and_then(|_| usage::raw(attributes)),
        usage: stated.unwrap_or_default(),
        latency_us: Some(span.latency_us),
        ttfb_us: first_chunk(attributes).map(|us| us.min(span.latency_us)),
        ..RequestFinished::unanswered(context, state, span.ended)
    }))))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "`filter` passes references"
)]
fn is_status(status: &u16) -> bool {
    (100..600).contains(status)
}

/// From the beginning to the first chunk, in microseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is not negative"
)]
fn first_chunk(attributes: Attributes<'_>) -> Option<u64> {
    let seconds = attributes.number(&[
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
    ])?;
    // The nearest: no fraction of a second is exact.
    Some((seconds * 1e6).round() as u64)
}
