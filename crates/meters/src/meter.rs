//! The meter: a copy of the provider's bytes goes in as it passes, the outcome
//! comes out at the end.

use systemprompt_domain::api::Api;

use crate::body::Body;
use crate::decode::Decoder;
use crate::outcome::Outcome;

/// Meters one answer of a provider. Its memory is bounded, and where the bytes
/// were split makes no difference to the outcome.
pub struct Meter {
    decoder: Decoder,
    body: Body,
}

impl Meter {
    /// A meter for an answer with this HTTP status and these header values
    /// (empty if absent).
    #[must_use]
    pub fn new(api: Api, status: u16, content_type: &str, content_encoding: &str) -> Self {
        Self {
            decoder: Decoder::new(content_encoding),
            body: Body::new(api, status, content_type),
        }
    }

    /// Reads the next bytes as they came over the wire.
    ///
    /// Returns the offset in `bytes` from which they must be held back until
    /// the outcome is durable: the first byte of the provider's terminal event,
    /// or 0 if that began earlier. `None` when nothing is to be held. Once the
    /// terminal event was seen, every call returns `Some(0)`.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        self.decoder.feed(bytes, &mut self.body)
    }

    /// Whether the provider's terminal event has come to its end, so that
    /// nothing that follows can change the outcome. Bodies without such an
    /// event are never complete before they end.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.body.is_complete()
    }

    /// The outcome, at the end of the body or where it was cut.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let decodable = !matches!(self.decoder, Decoder::Unreadable);
        let decoded = !matches!(self.decoder, Decoder::Failed);
        Outcome {
            decodable,
            ..self.body.outcome(decoded)
        }
    }
}
