//! What to do about a failure: one sentence that whoever sent the request can
//! act on.

use crate::rollup::Failures;

/// What to do about this sort of failure. Statuses say more than the words of
/// providers, which differ; words count where the status leaves several causes.
pub(super) fn advice(failure: &Failures) -> &'static str {
    let words = [&failure.error_type, &failure.error_code];
    let says = |part: &str| {
        words
            .iter()
            .filter_map(|word| word.as_deref())
            .any(|word| word.to_ascii_lowercase().contains(part))
    };
    match failure.state.as_str() {
        "paused" => {
            return "a budget is used up: `costs budgets` says until when; do without, or ask for \
                    the limit to be lifted (`systemprompt alerts resume`)";
        }
        "client_disconnect" => {
            return "the client left before the answer's end, which is billed all the same: give \
                    it a longer timeout, or ask for less output";
        }
        "upstream_timeout" => {
            return "the provider took too long: stream the answer, ask for less output, or use a \
                    faster model (`requests stats` names one)";
        }
        "shutdown" | "lost" => {
            return "the gateway stopped while the answer was under way: send it again";
        }
        _ => {}
    }
    match failure.http_status {
        _ if says("insufficient_quota") || says("billing") => {
            "the provider's account has no credit left: whoever pays for it has to add some"
        }
        _ if says("context_length") || says("string_above_max_length") => {
            "the input is too long for the model: shorten it, or use one with a larger context"
        }
        _ if says("content_filter") || says("content_policy") || says("safety") => {
            "the provider's safety system refused the content: change it; repeating it is of no use"
        }
        Some(429) => {
            "too many requests or tokens at once: wait as long as the answer's retry-after says, \
             then send fewer at a time"
        }
        Some(529 | 503) => {
            "the provider is overloaded: try again after growing pauses, or use another model"
        }
        Some(401 | 403) => {
            "the provider refuses the key, or the key this model: repeating it is of no use; check \
             the key and what it may do"
        }
        Some(404) => "there is no such model or path for this account: check the model's name",
        Some(413) => "the request is too large: send less at once",
        Some(408 | 504) => "the provider took too long: stream the answer, or ask for less output",
        Some(400..=499) => {
            "the request itself is wrong: the answer's message says what to change; repeating it \
             is of no use"
        }
        Some(500..) => "the provider failed: try again after a pause",
        None => {
            "the provider was not reached: check the network and the provider's address, then try \
             again"
        }
        Some(_) => "the answer broke off or was an error: try again",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn failure(state: &str, status: Option<i16>, kind: &str) -> Failures {
        Failures {
            provider: "openai".to_owned(),
            model: "m".to_owned(),
            state: state.to_owned(),
            http_status: status,
            error_type: Some(kind.to_owned()),
            error_code: None,
            count: 1,
            all: 1,
            first_at: datetime!(2026-07-01 12:00 UTC),
            last_at: datetime!(2026-07-01 12:00 UTC),
        }
    }

    #[test]
    fn what_helps_depends_on_what_went_wrong() {
        for (state, status, kind, expected) in [
            ("failed", Some(429), "rate_limit_error", "retry-after"),
            ("failed", Some(429), "insufficient_quota", "no credit"),
            ("failed", Some(529), "overloaded_error", "overloaded"),
            ("failed", Some(400), "context_length_exceeded", "too long"),
            ("failed", Some(400), "invalid_request_error", "no use"),
            ("failed", Some(401), "authentication_error", "key"),
            ("failed", Some(404), "not_found_error", "model's name"),
            ("failed", Some(500), "api_error", "after a pause"),
            ("failed", Some(200), "stream_broke_off", "try again"),
            ("failed", None, "connection_refused", "not reached"),
            ("paused", Some(429), "budget_exceeded", "budget"),
            ("upstream_timeout", None, "timeout", "faster model"),
            ("client_disconnect", Some(200), "x", "billed"),
            ("lost", None, "x", "send it again"),
        ] {
            let said = advice(&failure(state, status, kind));
            assert!(said.contains(expected), "{state} {status:?} {kind}: {said}");
        }
    }
}
