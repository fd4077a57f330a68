//! What a server answers, read as it passes: which request each answer is of, and
//! how that ended. Memory does not depend on the size of an answer.

use systemprompt_domain::tool::ToolStatus;

use super::RpcId;
use crate::events::{Events, Piece};
use crate::scanner::{Scalar, Scanner, Sink};
use crate::shapes::{Field, RPC};

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One message, or an array of them.
    Document,
    /// Server-sent events, one message each.
    Events,
    /// One message a line.
    Lines,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a result.
    Result,
    /// With a result that says that the tool failed.
    ToolError,
    /// With a question: the client will ask again with what is missing.
    NeedsInput,
    /// With an error of JSON-RPC, and its code.
    Error(Option<String>),
}

impl Ended {
    /// The status of a tool call that ended so, what went wrong, and its code.
    #[must_use]
    pub fn status(&self) -> (ToolStatus, Option<&'static str>, Option<String>) {
        match self {
            Self::Result => (ToolStatus::Success, None, None),
            Self::NeedsInput => (ToolStatus::NeedsInput, None, None),
            Self::ToolError => (ToolStatus::Failed, Some("tool_error"), None),
            Self::Error(code) => (ToolStatus::Failed, Some("rpc_error"), code.clone()),
        }
    }
}

/// An answer that came to its end.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The request's id.
    pub id: RpcId,
    /// How it ended.
    pub ended: Ended,
    /// The message, and perhaps what follows it, where it was to be kept and is
    /// not too long.
    pub text: Option<&'a [u8]>,
}

/// Reads answers as they pass. Where the bytes are split makes no difference.
pub struct Answers {
    format: Format,
    events: Events,
    scanner: Scanner,
    found: Found,
    kept: Kept,
}

impl Answers {
    /// Reads messages that follow each other so, and keeps the text of each up to
    /// `keep` bytes.
    #[must_use]
    pub fn new(format: Format, keep: usize) -> Self {
        Self {
            format,
            events: Events::new(),
            scanner: Scanner::new(&RPC),
            found: Found::default(),
            kept: Kept {
                most: keep,
                ..Kept::default()
            },
        }
    }

    /// Reads the next bytes; `each` gets every answer that came to its end.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Answer<'_>)) {
        let Self {
            format,
            events,
            scanner,
            found,
            kept,
        } = self;
        let mut read = |scanner: &mut Scanner, found: &mut Found, kept: &mut Kept, bytes: &[u8]| {
            kept.add(bytes);
            let text = kept.text();
            let mut tell = |id, ended| each(Answer { id, ended, text });
            let mut sink = Telling {
                found,
                tell: &mut tell,
            };
            scanner.feed(bytes, &mut sink);
        };
        match format {
            Format::Document => read(scanner, found, kept, bytes),
            Format::Lines => {
                let mut rest = bytes;
                while let Some(at) = memchr::memchr(b'\n', rest) {
                    read(scanner, found, kept, &rest[..at]);
                    scanner.reset(&RPC);
                    kept.clear();
                    rest = &rest[at + 1..];
                }
                read(scanner, found, kept, rest);
            }
            Format::Events => events.feed(bytes, |_, piece| match piece {
                Piece::Begin => {
                    scanner.reset(&RPC);
                    kept.clear();
                }
                Piece::Data(data) => read(scanner, found, kept, data),
                Piece::Join => read(scanner, found, kept, b"\n"),
                Piece::Name(_) | Piece::End => {}
            }),
        }
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// The text of the message being read.
#[derive(Default)]
struct Kept {
    most: usize,
    bytes: Vec<u8>,
    overlong: bool,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        self.overlong |= self.bytes.len() + bytes.len() > self.most;
        if self.overlong {
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn text(&self) -> Option<&[u8]> {
        (!self.overlong).then_some(&self.bytes)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.overlong = false;
    }
}

/// What was found of the message being read.
#[derive(Default)]
struct Found {
    id: Option<RpcId>,
    /// It asks or tells something itself.
    method: bool,
    result: bool,
    failed: bool,
    needs_input: bool,
    error: bool,
    code: Option<String>,
}

impl Found {
    /// The message as an answer, if it is one.
    fn answer(self) -> Option<(RpcId, Ended)> {
        let ended = if self.error {
            Ended::Error(self.code)
        } else if self.failed {
            Ended::ToolError
        } else if self.needs_input {
            Ended::NeedsInput
        } else {
            Ended::Result
        };
        let is_answer = !self.method && (self.result || self.error);
        self.id.filter(|_| is_answer).map(|id| (id, ended))
    }
}

struct Telling<'a> {
    found: &'a mut Found,
    tell: &'a mut dyn FnMut(RpcId, Ended),
}

impl Sink for Telling<'_> {
    fn enter(&mut self, field: Field) {
        match field {
            Field::Rpc => *self.found = Found::default(),
            Field::RpcResult => self.found.result = true,
            Field::RpcError => self.found.error = true,
            _ => {}
        }
    }

    fn leave(&mut self, field: Field) {
        if field == Field::Rpc
            && let Some((id, ended)) = std::mem::take(self.found).answer()
        {
            (self.tell)(id, ended);
        }
    }

    fn scalar(&mut self, field: Field, value: Scalar<'_>) {
        let text = match value {
            Scalar::Text(text) => text,
            Scalar::Null | Scalar::Unreadable => "",
        };
        let found = &mut *self.found;
        match field {
            Field::RpcId => found.id = RpcId::read(text.as_bytes()),
            Field::RpcMethod => found.method = true,
            Field::RpcResult => found.result = true,
            Field::RpcFailed => found.failed = text == "true",
            Field::RpcResultType => found.needs_input = text == "input_required",
            Field::RpcErrorCode => {
                let is_code = (1..=20).contains(&text.len());
                found.code = is_code.then(|| text.to_owned());
            }
            _ => {}
        }
    }

    fn text(&mut self, field: Field, text: &[u8]) {
        if field == Field::RpcId {
            self.found.id = RpcId::read(text);
        }
    }
}
