//! Server-sent events, taken apart as they pass: where an event begins and
//! ends, its name and its data. What the data means is left to others.

use memchr::memchr2;

/// Longest event name that is kept; no provider's comes near.
const NAME_LIMIT: usize = 64;

/// A part of an event. Offsets given with a piece refer to the bytes fed.
pub(crate) enum Piece<'a> {
    /// An event begins; the offset is that of its first byte.
    Begin,
    /// The event's name.
    Name(&'a [u8]),
    /// Data, or a part of it; the offset is that of its first byte.
    Data(&'a [u8]),
    /// A further line of data begins; a line feed joins it to what came before.
    Join,
    /// The event is complete; the offset is that after its last byte.
    End,
}

/// Where in a line we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Start,
    Field,
    Colon,
    Data,
    Name,
    Ignored,
}

/// Takes a stream apart into events. Lines may end in LF, CRLF or CR.
pub(crate) struct Events {
    line: Line,
    /// The field name so far, and its length (beyond the array: no name we know).
    field: [u8; 5],
    field_len: usize,
    name: Vec<u8>,
    open: bool,
    has_data: bool,
    /// The last byte was a CR: an LF that follows belongs to the same line end.
    after_cr: bool,
    /// A blank line was seen, whose end waits for that LF.
    ending: bool,
}

impl Events {
    pub(crate) const fn new() -> Self {
        Self {
            line: Line::Start,
            field: [0; 5],
            field_len: 0,
            name: Vec::new(),
            open: false,
            has_data: false,
            after_cr: false,
            ending: false,
        }
    }

    /// Whether an event has begun and not ended.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the open event lacks nothing but perhaps the LF of its last CRLF.
    pub(crate) const fn is_ending(&self) -> bool {
        self.ending
    }

    /// Takes the next bytes; `each` gets every piece with its offset.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(usize, Piece<'_>)) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.after_cr {
                self.after_cr = false;
                let is_lf = byte == b'\n';
                at += usize::from(is_lf);
                if self.ending {
                    self.end(at, &mut each);
                }
                if is_lf {
                    continue;
                }
            }
            if self.line == Line::Colon && byte == b' ' {
                at += 1;
                self.begin_value(at, &mut each);
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                at += 1;
                self.end_line(byte == b'\r', at, &mut each);
                continue;
            }
            match self.line {
                Line::Start => {
                    if !self.open {
                        self.open = true;
                        each(at, Piece::Begin);
                    }
                    self.line = Line::Field;
                    self.field_len = 0;
                }
                Line::Field => {
                    if byte == b':' {
                        self.line = Line::Colon;
                    } else {
                        if let Some(place) = self.field.get_mut(self.field_len) {
                            *place = byte;
                        }
                        self.field_len = self.field_len.saturating_add(1);
                    }
                    at += 1;
                }
                Line::Colon => self.begin_value(at, &mut each),
                Line::Data | Line::Name | Line::Ignored => {
                    let rest = &bytes[at..];
                    let value = &rest[..memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())];
                    if self.line == Line::Data {
                        each(at, Piece::Data(value));
                    } else if self.line == Line::Name {
                        let room = NAME_LIMIT - self.name.len();
                        self.name.extend_from_slice(&value[..value.len().min(room)]);
                    }
                    at += value.len();
                }
            }
        }
    }

    /// The field's name is complete and its one optional space is past.
    fn begin_value(&mut self, at: usize, each: &mut impl FnMut(usize, Piece<'_>)) {
        self.line = match self.field.get(..self.field_len) {
            Some(b"data") => Line::Data,
            Some(b"event") => Line::Name,
            _ => Line::Ignored,
        };
        if self.line == Line::Data {
            if self.has_data {
                each(at, Piece::Join);
            }
            self.has_data = true;
        }
        self.name.clear();
    }

    fn end_line(&mut self, is_cr: bool, at: usize, each: &mut impl FnMut(usize, Piece<'_>)) {
        let blank = self.line == Line::Start;
        if self.line == Line::Name {
            each(at, Piece::Name(&self.name));
        }
        self.line = Line::Start;
        self.after_cr = is_cr;
        if blank && self.open {
            if is_cr {
                self.ending = true;
            } else {
                self.end(at, each);
            }
        }
    }

    fn end(&mut self, at: usize, each: &mut impl FnMut(usize, Piece<'_>)) {
        self.ending = false;
        self.open = false;
        self.has_data = false;
        each(at, Piece::End);
    }
}
