//! Text from outside made harmless: names as one line, and that line as part of
//! a Discord or Slack message.

/// The characters of a name that are shown; what is longer is cut.
const SHOWN: usize = 120;

/// Stands between an `@` and what follows, so that it mentions nobody.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// A name as one short line: nothing in it can end a header or a line, turn the
/// direction of writing, or be invisible.
pub(crate) fn one_line(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let spaced: String = visible
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(no name)".to_owned();
    }
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Marks that show nothing but change how the rest is shown.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// For Discord, where a backslash makes any mark of its Markdown plain.
pub(crate) fn discord(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        // Also `:` (emoji, links) and `.` (a list, as in `1.`).
        if r"\*_~`|<>#[]():-+.".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            escaped.push(ZERO_WIDTH_SPACE);
        }
    }
    escaped
}

/// For Slack, which reads three characters as marks even in plain text.
pub(crate) fn slack(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.extend(['@', ZERO_WIDTH_SPACE]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_visible_line() {
        assert_eq!(one_line("a\r\nbcc: b\u{2028}c\td"), "a bcc: b c d");
        assert_eq!(one_line("\u{202e}evil\u{200b}"), "evil");
        assert_eq!(one_line(" \n\u{feff}"), "(no name)");
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), SHOWN + 1);
        assert_eq!(one_line("Zürich 東京 🚀"), "Zürich 東京 🚀");
    }

    #[test]
    fn nobody_is_mentioned() {
        assert_eq!(
            discord("@everyone <@1> <#1>"),
            "@\u{200b}everyone \\<@\u{200b}1\\> \\<\\#1\\>"
        );
        assert_eq!(
            discord("**b** `c` https://e"),
            "\\*\\*b\\*\\* \\`c\\` https\\://e"
        );
        assert_eq!(
            slack("<!channel> & <@U1>"),
            "&lt;!channel&gt; &amp; &lt;@\u{200b}U1&gt;"
        );
    }
}
