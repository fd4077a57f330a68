//! Usage meters for the wire formats of AI providers: bytes in, tokens out,
//! sans-IO.
//!
//! A [`Meter`] reads a copy of a provider's answer as it passes and says at the
//! end what the provider stated about it: tokens by class, model, ids, how it
//! ended. [`classify`] says what a request's path means, [`read_request`] what its body
//! asks for, an [`Answer`] what is recorded at the end. The only bytes
//! that are ever changed are those of [`inject_include_usage`] and of its
//! counterpart, the [`UsageFilter`].
//!
//! Nothing here fetches, stores, prices or waits. Memory is bounded whatever
//! the size of a body, and where the bytes were split makes no difference.
//!
//! ```
//! use systemprompt_domain::api::Api;
//! use systemprompt_meters::{Ending, Meter};
//!
//! let mut meter = Meter::new(Api::ChatCompletions, 200, "text/event-stream", "");
//! assert_eq!(meter.feed(b"data: {\"model\":\"gpt\",\"choices\":[],\"usage\":"), None);
//! assert_eq!(meter.feed(b"{\"prompt_tokens\":7}}\n\ndata: [DONE]\n\n"), Some(22));
//! let outcome = meter.finish();
//! assert_eq!(outcome.ending, Ending::Terminal);
//! assert_eq!(outcome.usage.map(|usage| usage.tokens.input), Some(7));
//! ```

mod answer;
mod body;
mod decode;
mod events;
mod filter;
mod inject;
mod members;
mod meter;
mod outcome;
mod reading;
mod request;
mod route;
pub mod rpc;
mod scanner;
mod shapes;
mod usage;

pub use answer::{Answer, End, REQUEST_IDS};
pub use filter::UsageFilter;
pub use inject::inject_include_usage;
pub use meter::Meter;
pub use outcome::{Ending, Outcome, ProviderError};
pub use request::{MalformedBody, RequestFacts, read_request};
pub use route::{Call, classify};
