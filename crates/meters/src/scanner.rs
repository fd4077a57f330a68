//! An incremental JSON scanner: given the shape of what is wanted, it hands out
//! those members as their bytes pass and skips everything else. Memory does not
//! depend on the document's size or depth. It does not validate: what it skips
//! may be malformed.

use memchr::memchr2;

use crate::shapes::{Field, Shape};

/// Longest string, key or number that is handed out.
pub(crate) const SCALAR_LIMIT: usize = 512;
/// Longest value whose text is handed out.
pub(crate) const TEXT_LIMIT: usize = 32 * 1024;
/// Deepest nesting that is followed; no shape comes near, only nested arrays do.
const DEPTH_LIMIT: usize = 32;

/// A scalar that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// `null`
    Null,
    /// A string's content, or a number or boolean as it stands.
    Text(&'a str),
    /// One that is too long to keep or not readable.
    Unreadable,
}

/// Who takes what is found.
pub(crate) trait Sink {
    /// An object of this name begins.
    fn enter(&mut self, field: Field);
    /// It ends.
    fn leave(&mut self, field: Field);
    /// A scalar.
    fn scalar(&mut self, field: Field, value: Scalar<'_>);
    /// The text of a whole object.
    fn text(&mut self, field: Field, text: &[u8]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a value, or before the end of an array.
    Value,
    /// In an object, before a key or the end.
    Key,
    /// In a key.
    InKey,
    /// Between key and value.
    Colon,
    /// In a wanted string.
    InString,
    /// In a number or literal.
    InLiteral,
    /// In a value that is skipped, its text perhaps kept.
    Skip,
    /// After a value: a comma or an end.
    After,
    /// The document is complete.
    Done,
    /// What came is no JSON.
    Broken,
}

#[derive(Clone, Copy)]
struct Frame {
    shape: &'static Shape,
    array: bool,
}

pub(crate) struct Scanner {
    state: State,
    frames: Vec<Frame>,
    /// What is wanted of the value that comes or is being read.
    wanted: Option<&'static Shape>,
    /// Bytes of the key, scalar or text being read.
    buffer: Vec<u8>,
    /// The buffer's limit was passed: what is being read is not handed out.
    overlong: bool,
    /// Within a string, the last byte was a backslash.
    escaped: bool,
    /// Skipping: within a string, and how deep below the skipped value.
    quoted: bool,
    depth: usize,
}

impl Scanner {
    pub(crate) fn new(root: &'static Shape) -> Self {
        Self {
            state: State::Value,
            frames: Vec::new(),
            wanted: Some(root),
            buffer: Vec::new(),
            overlong: false,
            escaped: false,
            quoted: false,
            depth: 0,
        }
    }

    /// Begins a new document.
    pub(crate) fn reset(&mut self, root: &'static Shape) {
        self.state = State::Value;
        self.frames.clear();
        self.wanted = Some(root);
        self.escaped = false;
    }

    /// Whether the document is complete.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the document is an array and no element of it is half read.
    pub(crate) fn is_between_elements(&self) -> bool {
        matches!(self.state, State::After | State::Value)
            && matches!(self.frames.as_slice(), [frame] if frame.array)
    }

    /// Reads the next bytes of the document.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.state {
                State::Done | State::Broken => return,
                State::Skip => rest = self.skip(rest, sink),
                State::InKey | State::InString => rest = self.string(rest, sink),
                State::InLiteral => {
                    if matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
                        self.end_literal(sink);
                    } else {
                        self.keep(&[byte], SCALAR_LIMIT);
                        rest = after;
                    }
                }
                State::Value | State::Key | State::Colon | State::After => {
                    if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                        self.structure(byte, sink);
                    }
                    rest = after;
                }
            }
        }
    }

    /// A byte between values.
    fn structure(&mut self, byte: u8, sink: &mut impl Sink) {
        let in_array = self.frames.last().is_some_and(|frame| frame.array);
        match (self.state, byte) {
            (State::Value, b']') if in_array => self.close(sink),
            (State::Value, _) => self.begin_value(byte, sink),
            (State::Key, b'"') => {
                self.begin_scalar();
                self.state = State::InKey;
            }
            (State::Key | State::After, b'}') if !in_array => self.close(sink),
            (State::After, b']') if in_array => self.close(sink),
            (State::Colon, b':') => self.state = State::Value,
            (State::After, b',') if in_array => self.begin_element(),
            (State::After, b',') => self.state = State::Key,
            _ => self.state = State::Broken,
        }
    }

    fn begin_value(&mut self, byte: u8, sink: &mut impl Sink) {
        let followed = self.wanted.filter(|_| self.frames.len() < DEPTH_LIMIT);
        match (byte, followed) {
            (b'{', Some(shape @ Shape::Object(field, _))) => {
                self.frames.push(Frame {
                    shape,
                    array: false,
                });
                self.state = State::Key;
                if let Some(field) = field {
                    sink.enter(*field);
                }
            }
            (b'[', Some(shape @ (Shape::Object(..) | Shape::Leaf(_)))) => {
                self.frames.push(Frame { shape, array: true });
                self.begin_element();
            }
            (b'"', Some(Shape::Object(..) | Shape::Leaf(_))) => {
                self.begin_scalar();
                self.state = State::InString;
            }
            (b'{' | b'[' | b'"', _) => {
                self.begin_scalar();
                self.quoted = byte == b'"';
                self.depth = usize::from(!self.quoted);
                self.state = State::Skip;
                if matches!(self.wanted, Some(Shape::Text(_))) {
                    self.buffer.push(byte);
                }
            }
            (b'}' | b']' | b',' | b':', _) => self.state = State::Broken,
            _ => {
                self.begin_scalar();
                self.buffer.push(byte);
                self.state = State::InLiteral;
            }
        }
    }

    fn begin_element(&mut self) {
        self.wanted = self.frames.last().map(|frame| frame.shape);
        self.state = State::Value;
    }

    fn begin_scalar(&mut self) {
        self.buffer.clear();
        self.overlong = false;
    }

    /// Keeps bytes of what is being read, as far as its limit allows.
    fn keep(&mut self, bytes: &[u8], limit: usize) {
        self.overlong |= self.buffer.len() + bytes.len() > limit;
        if !self.overlong {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Reads on in a key or a wanted string; returns what comes after it.
    fn string<'a>(&mut self, bytes: &'a [u8], sink: &mut impl Sink) -> &'a [u8] {
        let (inside, rest, closed) = self.within_string(bytes);
        self.keep(inside, SCALAR_LIMIT);
        match (closed, self.state) {
            (false, _) => {}
            (true, State::InKey) => self.end_key(),
            (true, _) => {
                self.emit_string(sink);
                self.end_value();
            }
        }
        rest
    }

    /// Splits off what belongs to the string we are in; whether it ended there.
    fn within_string<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8], bool) {
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.escaped) {
                at += 1;
                continue;
            }
            let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else {
                break;
            };
            at += found;
            if bytes[at] == b'"' {
                return (&bytes[..at], &bytes[at + 1..], true);
            }
            self.escaped = true;
            at += 1;
        }
        (bytes, &[], false)
    }

    fn end_key(&mut self) {
        let shape = self.frames.last().map(|frame| frame.shape);
        self.wanted = None;
        if let (Some(Shape::Object(_, members)), false) = (shape, self.overlong) {
            let key = self.buffer.as_slice();
            self.wanted = members
                .iter()
                .find_map(|(name, shape)| (name.as_bytes() == key).then_some(*shape));
        }
        self.state = State::Colon;
    }

    fn emit_string(&self, sink: &mut impl Sink) {
        let Some(field) = self.wanted.and_then(Shape::field) else {
            return;
        };
        if self.overlong {
            sink.scalar(field, Scalar::Unreadable);
        } else if self.buffer.contains(&b'\\') {
            let quoted = [b"\"", self.buffer.as_slice(), b"\""].concat();
            match serde_json::from_slice::<String>(&quoted) {
                Ok(text) => sink.scalar(field, Scalar::Text(&text)),
                Err(_) => sink.scalar(field, Scalar::Unreadable),
            }
        } else {
            let text = std::str::from_utf8(&self.buffer);
            sink.scalar(field, text.map_or(Scalar::Unreadable, Scalar::Text));
        }
    }

    fn end_literal(&mut self, sink: &mut impl Sink) {
        if let Some(field) = self.wanted.and_then(Shape::field) {
            let value = match std::str::from_utf8(&self.buffer) {
                Ok("null") => Scalar::Null,
                Ok(text) if !self.overlong => Scalar::Text(text),
                _ => Scalar::Unreadable,
            };
            sink.scalar(field, value);
        }
        self.end_value();
    }

    /// Passes over a value nobody follows; returns what comes after it.
    fn skip<'a>(&mut self, bytes: &'a [u8], sink: &mut impl Sink) -> &'a [u8] {
        let mut rest = bytes;
        let mut ended = false;
        while !ended && !rest.is_empty() {
            if self.quoted {
                let (_, after, closed) = self.within_string(rest);
                rest = after;
                self.quoted = !closed;
            } else {
                let structural = |byte: &u8| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']');
                let Some(at) = rest.iter().position(structural) else {
                    rest = &[];
                    break;
                };
                match rest[at] {
                    b'"' => self.quoted = true,
                    b'{' | b'[' => self.depth += 1,
                    _ => self.depth -= 1,
                }
                rest = &rest[at + 1..];
            }
            ended = self.depth == 0 && !self.quoted;
        }
        if let Some(Shape::Text(field)) = self.wanted {
            self.keep(&bytes[..bytes.len() - rest.len()], TEXT_LIMIT);
            if ended && !self.overlong {
                sink.text(*field, &self.buffer);
            }
        }
        if ended {
            self.end_value();
        }
        rest
    }

    fn close(&mut self, sink: &mut impl Sink) {
        if let Some(Frame {
            shape: Shape::Object(Some(field), _),
            array: false,
        }) = self.frames.pop()
        {
            sink.leave(*field);
        }
        self.end_value();
    }

    fn end_value(&mut self) {
        self.state = if self.frames.is_empty() {
            State::Done
        } else {
            State::After
        };
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::api::Api;

    use super::*;
    use crate::reading::Reading;
    use crate::shapes;

    /// Feeds a document in pieces and gives the most the scanner ever kept.
    fn most_kept(document: &[u8]) -> usize {
        let mut scanner = Scanner::new(shapes::of(Api::ChatCompletions));
        let mut reading = Reading::new(Api::ChatCompletions);
        let kept = document.chunks(1000).map(|piece| {
            scanner.feed(piece, &mut reading);
            assert!(scanner.frames.len() <= DEPTH_LIMIT);
            scanner.buffer.capacity()
        });
        kept.max().expect("not empty")
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_document() {
        let long = "x".repeat(1 << 20);
        for document in [
            format!(r#"{{"id":"{long}"}}"#),
            format!(r#"{{"{long}":1}}"#),
            format!(r#"{{"id":{}}}"#, "1".repeat(1 << 20)),
            format!(r#"{{"choices":[{{"delta":{{"content":"{long}"}}}}]}}"#),
            format!(r#"{{"choices":{}"#, "[".repeat(1 << 20)),
        ] {
            assert!(
                most_kept(document.as_bytes()) <= 2 * SCALAR_LIMIT,
                "{document:.20}"
            );
        }
        let usage = format!(r#"{{"usage":{{"x":"{long}"}}}}"#);
        assert!(most_kept(usage.as_bytes()) <= 2 * TEXT_LIMIT);
    }
}
