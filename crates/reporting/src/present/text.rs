//! Text from outside, made safe to show. Names of models, agents and users are
//! chosen by others: none may move a cursor, change colours or reverse the
//! reading order.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything a terminal would act on written out as an escape.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if acts(c) => write!(out, "{}", c.escape_unicode()).expect("a String takes all"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Control characters (C0, DEL, C1), what changes the direction of text,
/// invisible tags, and separators that break a line.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}'      // direction marks
            | '\u{2028}' | '\u{2029}'                 // line and paragraph separators
            | '\u{202a}'..='\u{202e}'                 // embeddings and overrides
            | '\u{2060}'..='\u{206f}'                 // invisible operators, isolates
            | '\u{200b}' | '\u{feff}'                 // spaces of no width
            | '\u{e0000}'..='\u{e007f}') // tags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_what_a_terminal_acts_on() {
        assert_eq!(clean("gpt-5.1"), "gpt-5.1");
        assert_eq!(clean("a\x1b[31mb\x07"), "a\\u{1b}[31mb\\u{7}");
        assert_eq!(clean("two\nlines\tand\r"), "two\\nlines\\tand\\r");
        assert_eq!(
            clean("\u{202e}txt.exe \u{9b}2J"),
            "\\u{202e}txt.exe \\u{9b}2J"
        );
        assert_eq!(clean("naïve 模型 👩‍🚀"), "naïve 模型 👩‍🚀");
    }

    proptest! {
        #[test]
        fn clean_text_has_nothing_to_act_on(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(acts));
        }
    }
}
