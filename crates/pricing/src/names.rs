//! Model names as clients and providers write them, and as price tables list
//! them. A name only ever loses a known prefix or a date; no free prefix of a
//! name is a match, so that `gpt-4o` never prices `gpt-4o-mini-tts`.

/// What may follow a model's name in the name of its snapshot. `YYYY`, `MM` and
/// `DD` are a date's parts, `N` is a digit, all else stands for itself.
const SNAPSHOT_SUFFIXES: [&str; 11] = [
    "-YYYY-MM-DD",
    "-YYYYMMDD",
    "@YYYYMMDD",
    "-MM-YYYY",
    "-MM-DD",
    "-MMDD",
    "-0NN",
    "-latest",
    "-preview-YYYY-MM-DD",
    "-preview-MM-YYYY",
    "-preview-MM-DD",
];

/// A name without the path that some interfaces put before it
/// (`models/gemini-2.5-pro`, `publishers/google/models/…`, `openai/gpt-4o`), and
/// a fine-tune's name without its owner (`ft:gpt-4o-mini-2024-07-18`).
pub(crate) fn bare<'a>(provider: &str, name: &'a str) -> &'a str {
    let name = match name.rsplit_once("/models/") {
        Some((_, model)) => model,
        None => name.strip_prefix("models/").unwrap_or(name),
    };
    let name = match name.split_once('/') {
        Some((owner, model)) if owner == provider => model,
        _ => name,
    };
    match name.strip_prefix("ft:").and_then(|tuned| tuned.find(':')) {
        Some(end) => &name[.."ft:".len() + end],
        None => name,
    }
}

/// What a dated snapshot's name may be a snapshot of, longest first.
pub(crate) fn stems(name: &str) -> Vec<&str> {
    let mut stems: Vec<&str> = SNAPSHOT_SUFFIXES
        .iter()
        .filter_map(|suffix| without_suffix(name, suffix))
        .collect();
    stems.sort_by_key(|stem| std::cmp::Reverse(stem.len()));
    stems
}

fn without_suffix<'a>(name: &'a str, pattern: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(pattern.len()).filter(|at| *at > 0)?;
    let (stem, suffix) = name.split_at_checked(at)?;
    let (mut year, mut month, mut day) = (None, None, None);
    for (wanted, found) in pattern.bytes().zip(suffix.bytes()) {
        let part = match wanted {
            b'Y' => &mut year,
            b'M' => &mut month,
            b'D' => &mut day,
            b'N' if found.is_ascii_digit() => continue,
            _ if wanted == found => continue,
            _ => return None,
        };
        let digit = found.checked_sub(b'0').filter(|digit| *digit < 10)?;
        *part = Some(part.unwrap_or(0_u16) * 10 + u16::from(digit));
    }
    let is_date = year.is_none_or(|year| (2020..2100).contains(&year))
        && month.is_none_or(|month| (1..=12).contains(&month))
        && day.is_none_or(|day| (1..=31).contains(&day));
    is_date.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_lose_their_date_and_nothing_else() {
        for (name, stem) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5")),
            ("claude-sonnet-4-5@20250929", Some("claude-sonnet-4-5")),
            ("gpt-4-0613", Some("gpt-4")),
            ("gemini-2.0-flash-001", Some("gemini-2.0-flash")),
            ("claude-3-opus-latest", Some("claude-3-opus")),
            (
                "gemini-2.5-flash-preview-09-2025",
                Some("gemini-2.5-flash-preview"),
            ),
            ("gpt-4o-mini-tts", None),
            ("o1-unknown", None),
            ("gpt-4o-2024-13-06", None),
            ("gpt-4-9999", None),
            ("model-123", None),
            ("-latest", None),
            ("größe-2024-08-06", Some("größe")),
            ("gpté024", None),
        ] {
            let stems = stems(name);
            match stem {
                Some(stem) => assert!(stems.contains(&stem), "{name}: {stems:?}"),
                None => assert!(stems.is_empty(), "{name}: {stems:?}"),
            }
        }
        assert_eq!(
            stems("gemini-2.5-pro-preview-03-25"),
            ["gemini-2.5-pro-preview", "gemini-2.5-pro"]
        );
    }

    #[test]
    fn paths_and_owners_are_no_part_of_a_name() {
        for (provider, name, model) in [
            ("gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
            (
                "gemini",
                "projects/p/locations/l/publishers/google/models/gemini-x",
                "gemini-x",
            ),
            ("gemini", "tunedModels/mine", "tunedModels/mine"),
            ("anthropic", "anthropic/claude-opus-5", "claude-opus-5"),
            ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
            (
                "openai",
                "ft:gpt-4o-mini-2024-07-18:acme::abc",
                "ft:gpt-4o-mini-2024-07-18",
            ),
            ("openai", "ft:gpt-4o", "ft:gpt-4o"),
        ] {
            assert_eq!(bare(provider, name), model);
        }
    }
}
