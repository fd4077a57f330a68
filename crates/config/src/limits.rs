//! The `limits` section: timeouts and sizes of the server, each with
//! a default that suits one small server.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{bytes, duration};

const MIB: u64 = 1 << 20;

/// Timeouts and sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How long the gateway waits for a provider.
    pub upstream: Upstream,
    /// How long the server waits for a client, and for how many.
    pub downstream: Downstream,
    /// The largest request body of a metered route. Other bodies stream.
    #[serde(with = "bytes")]
    #[schemars(schema_with = "bytes::schema")]
    pub gateway_body: u64,
    /// How much is kept on disk until it is in the database.
    pub spool: Spool,
    /// How long a provider is listened to after its client has gone.
    pub drain: Drain,
    /// How long people stay signed in at `/admin`.
    pub sessions: Sessions,
    /// How long a stop waits for requests under way.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upstream: Upstream::default(),
            downstream: Downstream::default(),
            gateway_body: 32 * MIB,
            spool: Spool::default(),
            drain: Drain::default(),
            sessions: Sessions::default(),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

/// How long the gateway waits for a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// For the connection.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub connect_timeout: Duration,
    /// From the request to the first byte of the answer.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub first_byte_timeout: Duration,
    /// Between two pieces of the answer.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub idle_timeout: Duration,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(300),
        }
    }
}

/// How long the server waits for a client, and for how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Downstream {
    /// For the head of a request.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub header_timeout: Duration,
    /// Between two pieces of a request's body.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub body_idle_timeout: Duration,
    /// Open connections at the same time.
    pub connections: u32,
}

impl Default for Downstream {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            connections: 1024,
        }
    }
}

/// How much is kept on disk until it is in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// The most a spool may take. When it is full new requests get 503.
    #[serde(with = "bytes")]
    #[schemars(schema_with = "bytes::schema")]
    pub cap: u64,
    /// The size of one of its files.
    #[serde(with = "bytes")]
    #[schemars(schema_with = "bytes::schema")]
    pub segment: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            cap: 1024 * MIB,
            segment: 16 * MIB,
        }
    }
}

/// How long a provider is listened to after its client has gone: the usage
/// comes at the end, and it is billed all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// For one answer.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub timeout: Duration,
    /// Answers at the same time; further ones are dropped at once.
    pub streams: u32,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            streams: 64,
        }
    }
}

/// How long people stay signed in at `/admin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Without any request; at least a minute.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub idle_timeout: Duration,
    /// Altogether; then they sign in again.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub lifetime: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(30 * 60),
            lifetime: Duration::from_secs(12 * 3600),
        }
    }
}
