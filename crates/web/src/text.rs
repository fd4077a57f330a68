//! Text from outside, made harmless: of bounded length and without characters
//! that act on whoever shows it.

/// The text without control characters and without those that turn writing
/// direction or hide, cut to so many characters.
pub(crate) fn inert(text: &str, most: usize) -> String {
    // As good as every text is.
    if text.len() <= most && !text.chars().any(acts) {
        return text.trim().to_owned();
    }
    text.chars()
        .filter(|c| !acts(*c))
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Controls, bidirectional overrides and isolates, zero-width characters,
/// line and paragraph separators, the byte order mark.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// The start of a text, at most so many bytes of it, never half a character.
pub(crate) fn start(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
