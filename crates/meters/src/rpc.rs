//! JSON-RPC as MCP speaks it: which tool was called, and how that ended. Shared by
//! whoever sees the messages pass: the proxy, the wrapper around a server on
//! standard input and output, and the layer within a server.
//!
//! ```
//! use systemprompt_meters::rpc::{Answers, Ended, Format, Sent, read_message};
//!
//! let message = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search"}}"#;
//! let read = read_message(message).expect("a message");
//! let [Sent::Call(call)] = read.sent.as_slice() else { panic!("a call") };
//! assert_eq!(call.tool, "search");
//!
//! let mut answers = Answers::new(Format::Document, 0);
//! let mut ended = None;
//! for piece in [r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"isEr"#, r#"ror":true}}"#] {
//!     answers.feed(piece.as_bytes(), |answer| ended = Some((answer.id, answer.ended)));
//! }
//! assert_eq!(ended, Some((call.id.clone(), Ended::ToolError)));
//! ```

mod answers;
mod calls;
mod canonical;
mod definitions;
mod message;

pub use answers::{Answer, Answers, Ended, Format};
pub use calls::Calls;
pub use definitions::{Listing, read_listing};
pub use message::{Call, Client, MalformedMessage, Message, Seen, Sent, read_message};

use std::fmt;

/// The id of a request: a number is never the text that looks alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RpcId {
    /// As it was written.
    Number(String),
    /// Its content.
    Text(String),
}

impl RpcId {
    /// From JSON; `None` for what is no id, `null` included.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        match json.first()? {
            b'"' => serde_json::from_slice(json).ok().map(Self::Text),
            b'-' | b'0'..=b'9' => {
                let text = std::str::from_utf8(json).ok()?;
                Some(Self::Number(text.to_owned()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for RpcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(text) | Self::Text(text) => text.fmt(f),
        }
    }
}
