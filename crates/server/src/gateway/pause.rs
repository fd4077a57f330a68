//! Requests that budgets do not let go: refused in the provider's shape, and
//! recorded as paused.

use std::time::Duration;

use http::StatusCode;
use systemprompt_config::{Provider, Unmetered};
use systemprompt_domain::event::{RequestContext, RequestFinished};
use systemprompt_domain::{Api, Event, RequestState};
use time::OffsetDateTime;

use super::Inner;
use super::errors::GatewayError;
use crate::budgets::{Reason, Refusal};

/// The context with what budgets set aside for the request; or the refusal,
/// which is recorded.
pub(super) async fn unless_paused(
    gateway: &Inner,
    provider: &Provider,
    mut context: RequestContext,
    max_tokens: Option<u64>,
) -> Result<RequestContext, GatewayError> {
    let reserved = match unmetered(gateway, provider, &context) {
        Some(error) => Err(error),
        None => gateway
            .budgets
            .reserve(&context, max_tokens, &gateway.prices.current())
            .await
            .map_err(refusal),
    };
    match reserved {
        Ok(reserved) => {
            context.reserved = reserved;
            Ok(context)
        }
        Err(mut error) => {
            gateway.count(RequestState::Paused);
            if let Some(recorder) = &gateway.recorder {
                error.request = Some(context.id);
                let refused = Box::new(refused(context, &error));
                recorder.record(&Event::RequestFinished(refused));
            }
            Err(error)
        }
    }
}

/// What is billed but cannot be metered could spend around a budget.
fn unmetered(
    gateway: &Inner,
    provider: &Provider,
    context: &RequestContext,
) -> Option<GatewayError> {
    if context.api != Api::Unmetered || provider.unmetered == Unmetered::Allow {
        return None;
    }
    let budget = gateway.budgets.covering(context)?;
    let name = &context.provider;
    let mut error = GatewayError::new(
        StatusCode::FORBIDDEN,
        "unmetered",
        format!(
            "the cost of this request cannot be metered, and the budget {budget} pauses requests; \
             `providers: {{{name}: {{unmetered: allow}}}}` in the profile lets such requests through"
        ),
    );
    error.budget = Some(budget);
    Some(error)
}

fn refusal(refusal: Refusal) -> GatewayError {
    let Refusal { budget, reason } = refusal;
    let mut error = match reason {
        Reason::Exhausted(left) => GatewayError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "budget_exceeded",
            format!("the budget {budget} is used up: requests are paused until its period ends"),
        )
        .retry_after(seconds(left)),
        Reason::Busy => GatewayError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "budget_busy",
            format!("what is left of the budget {budget} is reserved for requests under way"),
        )
        .retry_after(2),
        Reason::Unknown => GatewayError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "budget_unknown",
            format!("whether the budget {budget} has anything left cannot be told at the moment"),
        )
        .retry_after(2),
    };
    error.retry = !matches!(reason, Reason::Exhausted(_));
    error.budget = Some(budget);
    error
}

/// Whole seconds, rounded up: earlier would be too early.
fn seconds(left: Duration) -> u32 {
    let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// The record of a request that never left.
fn refused(context: RequestContext, error: &GatewayError) -> RequestFinished {
    RequestFinished {
        http_status: Some(error.status.as_u16()),
        error_type: Some(error.kind.to_owned()),
        error_code: error.budget.clone(),
        ..RequestFinished::unanswered(context, RequestState::Paused, OffsetDateTime::now_utc())
    }
}
