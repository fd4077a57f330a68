//! The messages of OTLP, as far as they are read: what is not named here (events,
//! links, nested values) is skipped while decoding. Text is bytes until it is
//! looked at, so that one that is no UTF-8 spoils nothing but itself.
//!
//! Numbers of fields are those of opentelemetry-proto 1.x. Its crate is not used, as
//! it brings the API and the SDK along.

use bytes::Bytes;
use prost::{Message, Oneof};
use serde::Deserialize;

use crate::json;

/// `ExportTraceServiceRequest`, and that of logs and metrics: all have one shape.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Export {
    #[prost(message, repeated, tag = "1")]
    pub(crate) resources: Vec<OfResource>,
}

/// `ResourceSpans`, `ResourceLogs`, `ResourceMetrics`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfResource {
    #[prost(message, optional, tag = "1")]
    pub(crate) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) scopes: Vec<OfScope>,
}

/// `ScopeSpans`, `ScopeLogs`, `ScopeMetrics`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfScope {
    #[prost(message, optional, tag = "1")]
    pub(crate) scope: Option<Scope>,
    /// Each record by itself.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(crate) records: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(crate) attributes: Vec<KeyValue>,
}

/// `InstrumentationScope`.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct Scope {
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(deserialize_with = "json::text")]
    pub(crate) name: Bytes,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(deserialize_with = "json::text")]
    pub(crate) key: Bytes,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    pub(crate) value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Value {
    #[prost(bytes = "bytes", tag = "1")]
    Text(Bytes),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(ArrayValue),
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) span_id: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) parent_span_id: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    #[serde(deserialize_with = "json::text")]
    pub(crate) name: Bytes,
    /// `SpanKind`: see [`SERVER`].
    #[prost(int32, tag = "6")]
    #[serde(deserialize_with = "json::kind")]
    pub(crate) kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(deserialize_with = "json::number")]
    pub(crate) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(deserialize_with = "json::number")]
    pub(crate) end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    pub(crate) attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    pub(crate) status: Option<Status>,
}

/// The `SpanKind` of whoever answers.
pub(crate) const SERVER: i32 = 2;
/// The `SpanKind` of whoever asks.
pub(crate) const CLIENT: i32 = 3;

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// `StatusCode`: 2 is an error.
    #[prost(int32, tag = "3")]
    #[serde(deserialize_with = "json::status")]
    pub(crate) code: i32,
}

/// The `StatusCode` of what failed.
pub(crate) const ERROR: i32 = 2;

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(deserialize_with = "json::number")]
    pub(crate) time_unix_nano: u64,
    #[prost(message, optional, tag = "5")]
    pub(crate) body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) attributes: Vec<KeyValue>,
    #[prost(bytes = "bytes", tag = "9")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "10")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) span_id: Bytes,
    #[prost(fixed64, tag = "11")]
    #[serde(deserialize_with = "json::number")]
    pub(crate) observed_time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "12")]
    #[serde(deserialize_with = "json::text")]
    pub(crate) event_name: Bytes,
}
