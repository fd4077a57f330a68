//! Text from outside, cut to what events have room for.

use crate::tool::LONGEST;

/// Cuts text from outside to the length of a name, without control characters.
#[must_use]
pub fn bounded(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > LONGEST {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!(bounded("a\0b\nc"), "abc");
        assert_eq!(bounded(&"é".repeat(LONGEST)), "é".repeat(LONGEST / 2));
    }
}
