//! Text from outside, made safe and short for a terminal.

use std::borrow::Cow;

pub(crate) use systemprompt_reporting::present::text::clean;
use unicode_width::UnicodeWidthStr;

/// Columns the text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text cut to at most `max` columns, the cut marked with `…`.
pub(crate) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    // Marks of no width could pile up without end: four characters a column
    // are enough for every script.
    let limit = max.saturating_mul(4);
    let bounded = text
        .char_indices()
        .nth(limit)
        .map_or(text, |(at, _)| &text[..at]);
    if bounded.len() == text.len() && width(text) <= max {
        return Cow::Borrowed(text);
    }
    if max == 0 {
        return Cow::Borrowed("");
    }
    // Widths of sequences do not add up (emoji joiners), so prefixes are
    // measured whole.
    let end = bounded
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| width(&bounded[..*end]) < max)
        .last()
        .unwrap_or(0);
    Cow::Owned(format!("{}…", &bounded[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shortens_by_columns_not_characters() {
        assert_eq!(shorten("claude", 6), "claude");
        assert_eq!(shorten("claude", 5), "clau…");
        assert_eq!(shorten("模型名称", 8), "模型名称");
        assert_eq!(shorten("模型名称", 7), "模型名…");
        assert_eq!(shorten("模型名称", 6), "模型…");
        assert_eq!(shorten("x", 0), "");
    }

    proptest! {
        #[test]
        fn shortened_text_fits(text in any::<String>(), max in 0_usize..60) {
            let short = shorten(&text, max).into_owned();
            prop_assert!(width(&short) <= max);
            prop_assert!(short.chars().count() <= 4 * max + 1);
        }
    }
}
