//! Takes an injected usage out of a chat stream again, so that the client sees
//! what it would have seen without it.

use std::ops::Range;

use crate::body::DONE;
use crate::events::{Events, Piece};
use crate::members::{members, span};

/// Longest event that is looked at. Longer ones pass as they are: the chunk
/// with the usage is small.
const EVENT_LIMIT: usize = 256 * 1024;

/// Undoes [`inject_include_usage`](crate::inject_include_usage) on an `OpenAI`
/// chat stream: drops the chunk that has usage and no choices, and takes the
/// member `"usage":null` out of the others. All other bytes stay as they are.
///
/// Works on any split of the stream; output may lag behind until an event is
/// complete.
pub struct UsageFilter {
    events: Events,
    event: Event,
    terminal: bool,
}

/// The event that is not complete yet.
#[derive(Default)]
struct Event {
    bytes: Vec<u8>,
    /// Where its data stands.
    data: Option<Range<usize>>,
    /// Its data is no single line: it is left alone.
    many_lines: bool,
    /// Too long: what came of it has passed.
    passing: bool,
}

/// What becomes of an event.
enum Verdict {
    Keep,
    KeepAsLast,
    Drop,
    /// Keep it without these bytes.
    Without(Range<usize>),
}

impl Default for UsageFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl UsageFilter {
    /// A filter for one stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            events: Events::new(),
            event: Event::default(),
            terminal: false,
        }
    }

    /// Takes the next bytes of the stream and appends what may go on to `out`.
    ///
    /// Returns the offset in `out` from which bytes must be held back until the
    /// outcome is durable: the first byte of the terminal event (`[DONE]` or an
    /// error), or the length `out` had if that began earlier; `None` when
    /// nothing is to be held.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut hold = self.terminal.then_some(out.len());
        let Self {
            events,
            event,
            terminal,
        } = self;
        let mut taken = 0;
        events.feed(bytes, |at, piece| match piece {
            Piece::Begin => {
                out.extend_from_slice(&bytes[taken..at]);
                taken = at;
            }
            Piece::Data(data) => event.note_data(at - taken, data.len()),
            Piece::Join => event.many_lines = true,
            Piece::Name(_) => {}
            Piece::End => {
                event.bytes.extend_from_slice(&bytes[taken..at]);
                taken = at;
                let start = out.len();
                if std::mem::take(event).release(out) {
                    *terminal = true;
                    hold = hold.or(Some(start));
                }
            }
        });
        if self.events.is_open() {
            self.event.bytes.extend_from_slice(&bytes[taken..]);
            self.event.pass_if_long(out);
        } else {
            out.extend_from_slice(&bytes[taken..]);
        }
        hold
    }

    /// At the end of the stream, appends what is left; to be held back as the
    /// end of the body is.
    pub fn finish(self, out: &mut Vec<u8>) {
        self.event.release(out);
    }
}

impl Event {
    /// Notes data that stands `offset` bytes after what is already here.
    fn note_data(&mut self, offset: usize, len: usize) {
        let start = self.bytes.len() + offset;
        self.data.get_or_insert(start..start).end = start + len;
    }

    fn pass_if_long(&mut self, out: &mut Vec<u8>) {
        if self.passing || self.bytes.len() > EVENT_LIMIT {
            self.passing = true;
            out.append(&mut self.bytes);
        }
    }

    /// Lets the event go, as far as it may; whether it is the terminal one.
    fn release(self, out: &mut Vec<u8>) -> bool {
        let verdict = self.verdict();
        match &verdict {
            Verdict::Drop => {}
            Verdict::Keep | Verdict::KeepAsLast => out.extend_from_slice(&self.bytes),
            Verdict::Without(gone) => {
                out.extend_from_slice(&self.bytes[..gone.start]);
                out.extend_from_slice(&self.bytes[gone.end..]);
            }
        }
        matches!(verdict, Verdict::KeepAsLast)
    }

    fn verdict(&self) -> Verdict {
        let is_small = !self.passing && self.bytes.len() <= EVENT_LIMIT;
        let Some(place) = self.data.clone().filter(|_| is_small && !self.many_lines) else {
            return Verdict::Keep;
        };
        let data = &self.bytes[place.clone()];
        if data.starts_with(DONE) {
            return Verdict::KeepAsLast;
        }
        let Ok([choices, usage, error]) = members(data, ["choices", "usage", "error"]) else {
            return Verdict::Keep;
        };
        if error.is_some_and(|error| error.get() != "null") {
            return Verdict::KeepAsLast;
        }
        let Some(usage) = usage else {
            return Verdict::Keep;
        };
        if usage.get() == "null" {
            let gone = member_around(data, span(data, usage));
            let shift = |at: Range<usize>| place.start + at.start..place.start + at.end;
            return gone.map_or(Verdict::Keep, |gone| Verdict::Without(shift(gone)));
        }
        let none_chosen = choices.is_some_and(|choices| {
            let inside = choices
                .get()
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            inside.is_some_and(|inside| inside.trim().is_empty())
        });
        if none_chosen {
            Verdict::Drop
        } else {
            Verdict::Keep
        }
    }
}

/// The member `usage` with the comma that joins it, given where its value is.
fn member_around(data: &[u8], value: Range<usize>) -> Option<Range<usize>> {
    let before = data[..value.start]
        .trim_ascii_end()
        .strip_suffix(b":")?
        .trim_ascii_end();
    let before = before.strip_suffix(b"\"usage\"")?.trim_ascii_end();
    if let Some(before) = before.strip_suffix(b",") {
        return Some(before.len()..value.end);
    }
    let after = data[value.end..].trim_ascii_start();
    let end = data.len() - after.strip_prefix(b",").unwrap_or(after).len();
    Some(before.len()..end)
}
