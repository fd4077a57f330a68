//! The key a typing error probably meant.

/// The candidate with the fewest edits from `word`, if it is close enough to be
/// worth a suggestion: a third of the word's letters, at least one.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (edits(word, candidate), *candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours from one word to
/// the other, with `-` and `_` and the two cases alike.
fn edits(a: &str, b: &str) -> usize {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    strsim::osa_distance(&plain(a), &plain(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, n) in [
            ("", "", 0),
            ("kitten", "sitting", 3),
            ("abc", "", 3),
            ("evn", "env", 1),
            ("Retention-Days", "retention_days", 0),
        ] {
            assert_eq!(edits(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let keys = ["retention_days", "enabled", "costs"];
        assert_eq!(nearest("retention_day", &keys), Some("retention_days"));
        assert_eq!(nearest("retentionDays", &keys), Some("retention_days"));
        assert_eq!(nearest("cost", &keys), Some("costs"));
        assert_eq!(nearest("colour", &keys), None);
    }
}
