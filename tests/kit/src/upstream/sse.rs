//! Building and cutting server-sent events.

use std::fmt::{Arguments, Write};

/// A body of events under construction.
#[derive(Debug, Default)]
pub(super) struct Events(String);

impl Events {
    /// Adds an event that has a name.
    pub(super) fn named(&mut self, name: &str, data: Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = write!(self.0, "event: {name}\ndata: {data}\n\n");
    }

    /// Adds an event without a name.
    pub(super) fn plain(&mut self, data: Arguments<'_>) {
        let _ = write!(self.0, "data: {data}\n\n");
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// The length of the first event of `text` with its blank line; all of it if
/// no event ends in it.
pub(super) fn event_len(text: &[u8]) -> usize {
    let mut line_start = 0;
    for (i, byte) in text.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        if matches!(&text[line_start..i], b"" | b"\r") {
            return i + 1;
        }
        line_start = i + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_with_a_blank_line_of_either_kind() {
        assert_eq!(event_len(b"data: a\n\ndata: b\n\n"), 9);
        assert_eq!(event_len(b"data: a\r\n\r\nrest"), 11);
        assert_eq!(event_len(b"data: a\n"), 8);
    }
}
