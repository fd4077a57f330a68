//! The providers' error bodies.

use super::route::Wire;

/// The JSON error of `wire` for an HTTP status.
pub(super) fn body(wire: Wire, status: u16, number: u64, retry_after: u64) -> String {
    match wire {
        Wire::Anthropic => anthropic(anthropic_type(status), "mocked", number),
        Wire::OpenAi => {
            let (code, message) = openai_code(status);
            openai(openai_type(status), message, &format!(r#""{code}""#))
        }
        Wire::Gemini => {
            let details = match status {
                429 => format!(
                    r#","details":[{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{retry_after}s"}}]"#
                ),
                _ => String::new(),
            };
            gemini(status, gemini_status(status), "mocked", &details)
        }
    }
}

/// A 400 that says what the mock did not understand.
pub(super) fn refused(wire: Wire, message: &str, number: u64) -> String {
    // Quotes would break out of the JSON string.
    let message = message.replace(['"', '\\'], "'");
    match wire {
        Wire::Anthropic => anthropic("invalid_request_error", &message, number),
        Wire::OpenAi => openai("invalid_request_error", &message, "null"),
        Wire::Gemini => gemini(400, "INVALID_ARGUMENT", &message, ""),
    }
}

/// OpenAI's short code for a status, and a message.
pub(super) const fn openai_code(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("invalid_api_key", "Incorrect API key provided."),
        404 => ("model_not_found", "The model does not exist."),
        429 => ("rate_limit_exceeded", "Rate limit reached."),
        500..=599 => ("server_error", "The server had an error."),
        _ => ("invalid_value", "mocked"),
    }
}

fn anthropic(kind: &str, message: &str, number: u64) -> String {
    format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_mock_{number}"}}"#
    )
}

fn openai(kind: &str, message: &str, code: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#)
}

fn gemini(code: u16, status: &str, message: &str, details: &str) -> String {
    format!(r#"{{"error":{{"code":{code},"message":"{message}","status":"{status}"{details}}}}}"#)
}

const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

const fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "requests",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    }
}

const fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500..=599 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
