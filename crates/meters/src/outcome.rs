//! What a meter has to say at the end of an answer. What the gateway makes of
//! it (the request's state, its cost) is decided elsewhere.

use systemprompt_domain::usage::Usage;

/// How a body ended, as far as its own bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the provider's own terminal event, or as a complete document.
    Terminal,
    /// With an error, as an event, an object or an HTTP status.
    Errored,
    /// Before its end: cut, or never begun.
    Open,
}

/// The error a provider stated: what kind, never the message, because messages
/// quote input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderError {
    /// The error's type (Anthropic, `OpenAI`) or status (Gemini).
    pub kind: Option<String>,
    /// The short code beside it.
    pub code: Option<String>,
}

/// Everything a meter found in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the body ended. Says nothing if the body was not
    /// [`decodable`](Self::decodable).
    pub ending: Ending,
    /// What the request used; `None` if the provider stated nothing. Absent is
    /// not zero: stated zeros are `Some`.
    pub usage: Option<Usage>,
    /// The provider's usage object as compact JSON: merged over an Anthropic
    /// stream, the last one of any other. `None` above 8 KiB, and where
    /// PostgreSQL's `jsonb` could not hold it.
    pub raw_usage: Option<String>,
    /// The model that served the request.
    pub served_model: Option<String>,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// Why the model stopped, in the provider's words.
    pub finish_reason: Option<String>,
    /// Names of the client tools the model asked for, at most 64.
    pub tool_calls: Vec<String>,
    /// The model's ids of these calls, as far as it gave any.
    pub tool_call_ids: Vec<String>,
    /// The error, if there was one.
    pub error: Option<ProviderError>,
    /// Whether the body could be read; `false` for a content encoding other
    /// than gzip and deflate.
    pub decodable: bool,
}
