//! What exporters are answered: how many records were not taken, in the format
//! that they sent.

use prost::Message;
use serde_json::json;

use crate::{Format, Signal};

/// `Export…PartialSuccess`: one shape for all signals.
#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `Export…ServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// The answer to an export that was taken, but for `rejected` records. A reason
/// without rejections is a remark.
#[must_use]
pub fn receipt(signal: Signal, format: Format, rejected: usize, reason: Option<&str>) -> Vec<u8> {
    let partial = reason.map(|reason| Partial {
        rejected: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: reason.to_owned(),
    });
    match format {
        Format::Protobuf => Response {
            partial_success: partial,
        }
        .encode_to_vec(),
        Format::Json => {
            let count = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let answer = match partial {
                // Numbers of 64 bits are text in OTLP's JSON.
                Some(partial) => json!({ "partialSuccess": {
                    count: partial.rejected.to_string(),
                    "errorMessage": partial.error_message,
                } }),
                None => json!({}),
            };
            answer.to_string().into_bytes()
        }
    }
}

/// The answer to an export of which nothing was taken.
#[must_use]
pub fn failure(format: Format, message: &str) -> Vec<u8> {
    match format {
        Format::Protobuf => Status {
            message: message.to_owned(),
        }
        .encode_to_vec(),
        Format::Json => json!({ "message": message }).to_string().into_bytes(),
    }
}
