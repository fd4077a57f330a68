//! A decoded body: decides by its first bytes whether it is a document or a
//! stream of events, and leads the bytes to the scanner.

use systemprompt_domain::api::Api;

use crate::events::{Events, Piece};
use crate::outcome::Outcome;
use crate::reading::Reading;
use crate::scanner::Scanner;
use crate::shapes;

/// What the data that ends a chat stream begins with.
pub(crate) const DONE: &[u8] = b"[DONE]";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Nothing but blanks so far.
    Unknown,
    /// One JSON document.
    Document,
    /// Server-sent events.
    Events,
    /// Neither: nothing is read from it.
    Opaque,
}

pub(crate) struct Body {
    api: Api,
    status: u16,
    /// Whether the headers promise events.
    promises_events: bool,
    format: Format,
    events: Events,
    scanner: Scanner,
    reading: Reading,
    /// How much of the event's data is [`DONE`]; `None` once it differs.
    done: Option<usize>,
}

impl Body {
    pub(crate) fn new(api: Api, status: u16, content_type: &str) -> Self {
        Self {
            api,
            status,
            promises_events: content_type.to_ascii_lowercase().contains("event-stream"),
            format: if api == Api::Unmetered {
                Format::Opaque
            } else {
                Format::Unknown
            },
            events: Events::new(),
            scanner: Scanner::new(shapes::of(api)),
            reading: Reading::new(api),
            done: Some(0),
        }
    }

    /// Reads the next bytes. Returns where in them the terminal event begins,
    /// or goes on, if they told.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<usize> {
        let held = self.is_terminal().then_some(0);
        let mut start = 0;
        if self.format == Format::Unknown {
            // Blanks, or the parts of a byte order mark.
            let blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            start = bytes.iter().position(|byte| !blank(byte))?;
            self.format = match bytes[start] {
                b'{' | b'[' => Format::Document,
                // What the names of fields begin with: event, data, id, retry.
                b'e' | b'd' | b'i' | b'r' | b':' => Format::Events,
                _ if self.promises_events => Format::Events,
                _ => Format::Opaque,
            };
        }
        match self.format {
            Format::Document => {
                self.scanner.feed(&bytes[start..], &mut self.reading);
                None
            }
            Format::Events => {
                let found = self.read_events(&bytes[start..]);
                held.or_else(|| found.map(|at| start + at))
            }
            Format::Unknown | Format::Opaque => None,
        }
    }

    fn read_events(&mut self, bytes: &[u8]) -> Option<usize> {
        let Self {
            api,
            events,
            scanner,
            reading,
            done,
            ..
        } = self;
        let mut begin = 0;
        let mut terminal = None;
        events.feed(bytes, |at, piece| {
            match piece {
                Piece::Begin => {
                    begin = at;
                    *done = Some(0);
                    scanner.reset(shapes::of(*api));
                    reading.begin_event();
                }
                Piece::Name(name) => reading.name_event(&String::from_utf8_lossy(name)),
                Piece::Data(data) => {
                    scanner.feed(data, reading);
                    *done = match_done(*done, data);
                    if *done == Some(DONE.len()) {
                        reading.mark_done();
                    }
                }
                Piece::Join => {
                    scanner.feed(b"\n", reading);
                    *done = match_done(*done, b"\n");
                }
                Piece::End => reading.end_event(),
            }
            if terminal.is_none() && reading.is_terminal() {
                terminal = Some(begin);
            }
        });
        terminal
    }

    /// Whether the terminal event has begun, if this kind of stream has one.
    pub(crate) fn is_terminal(&self) -> bool {
        self.format == Format::Events && self.reading.is_terminal()
    }

    /// Whether the terminal event has come to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.format == Format::Events && self.reading.is_ended()
    }

    /// The outcome; whether everything that came could be `decoded`.
    pub(crate) fn outcome(mut self, decoded: bool) -> Outcome {
        let mut ended = self.api == Api::Unmetered;
        if self.format == Format::Document {
            self.reading.end_event();
            ended = self.scanner.is_done()
                || (self.scanner.is_between_elements() && self.reading.is_finished());
        } else if self.format == Format::Events {
            let complete =
                self.events.is_ending() || self.scanner.is_done() || self.done == Some(DONE.len());
            if self.events.is_open() && complete {
                self.reading.end_event();
            }
            // Gemini has no terminal event, and some chat hosts leave it out.
            let may_lack = matches!(self.api, Api::ChatCompletions | Api::GenerateContent);
            let clean = decoded && (complete || !self.events.is_open());
            ended = self.reading.is_ended() || (may_lack && clean && self.reading.is_finished());
        }
        self.reading.outcome(self.status, ended)
    }
}

/// How much of [`DONE`] matches with these bytes too; what follows it is ignored,
/// as by the provider's own SDKs.
fn match_done(mut matched: Option<usize>, data: &[u8]) -> Option<usize> {
    for byte in data {
        let Some(expected) = DONE.get(matched?) else {
            break;
        };
        matched = matched.filter(|_| expected == byte).map(|at| at + 1);
    }
    matched
}
