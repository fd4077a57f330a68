//! The token usage that the Claude Console exports: a row a day, model, key, workspace,
//! service tier, prompt size, region and speed. It says nothing of how many requests there were.

use systemprompt_domain::period::Interval;
use systemprompt_domain::{Tokens, Usage};
use time::macros::format_description;
use time::{Date, Duration};

use super::row::{Row, number};
use crate::import::records::Record;

/// What each row must have.
pub(super) const COLUMNS: &[&[&str]] = &[
    &["usage_date_utc"],
    &["model_version"],
    &["usage_input_tokens_no_cache"],
    &["usage_output_tokens"],
];

pub(super) fn read(record: &Record) -> Result<Option<Row>, String> {
    let n = |name| number(record, name);
    let tokens = Tokens {
        input: n("usage_input_tokens_no_cache")?,
        cache_read: n("usage_input_tokens_cache_read")?,
        // Before there were two kinds there was one.
        cache_write_5m: n("usage_input_tokens_cache_write_5m")?
            + n("usage_input_tokens_cache_write")?,
        cache_write_1h: n("usage_input_tokens_cache_write_1h")?,
        output: n("usage_output_tokens")?,
        ..Tokens::default()
    };
    let searches = n("web_search_count")?;
    if tokens == Tokens::default() && searches == 0 {
        return Ok(None);
    }
    let word = |name, nothing: &[&str]| {
        let text = record.text(&[name])?.trim().to_lowercase();
        (!nothing.contains(&text.as_str())).then_some(text)
    };
    let window = record.text(&["context_window"]).unwrap_or_default();
    let since = day(record)?.midnight().assume_utc();
    Ok(Some(Row {
        period: Interval {
            since,
            until: since + Duration::DAY,
        },
        model: record.text(&["model_version"]).ok_or("it names no model")?,
        user: None,
        key: record.text(&["api_key"]),
        group: record.text(&["workspace"]),
        requests: None,
        prompt: prompt(&window).ok_or_else(|| format!("{window:?} is no context_window"))?,
        usage: Usage {
            tokens,
            calls: (searches > 0)
                .then(|| ("web_search".to_owned(), searches))
                .into_iter()
                .collect(),
            service_tier: word("usage_type", &["", "standard", "message"]),
            speed: word("speed", &["", "standard"]),
            region: word("inference_geo", &["", "not_available"]),
            ..Usage::default()
        },
    }))
}

/// The day that a row is about.
pub(super) fn day(record: &Record) -> Result<Date, String> {
    let text = record
        .text(&["usage_date_utc"])
        .ok_or("it has no usage_date_utc")?;
    Date::parse(
        text.trim(),
        format_description!(version = 2, "[year]-[month]-[day]"),
    )
    .map_err(|_| format!("its usage_date_utc ({text:?}) is no day as in 2026-03-04"))
}

/// The least input that its requests had, of a range of prompt sizes: `≤ 200k`, `> 200k`,
/// `0-200k`, `200k-1M`.
fn prompt(window: &str) -> Option<u64> {
    let window = window.trim().to_lowercase();
    if window.is_empty() || window.starts_with(['≤', '<']) {
        return Some(0);
    }
    let above = match window.strip_prefix('>') {
        Some(above) => above,
        None => window.split_once('-')?.0,
    };
    let above = above.trim();
    let (digits, factor) = match (above.strip_suffix('k'), above.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (_, Some(digits)) => (digits, 1_000_000),
        _ => (above, 1),
    };
    match digits.trim().parse::<u32>().ok()? {
        0 => Some(0),
        n => Some(u64::from(n) * factor + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_prompts_are_told_apart() {
        for (window, least) in [
            ("", Some(0)),
            ("≤ 200k", Some(0)),
            ("<= 200k", Some(0)),
            ("0-200k", Some(0)),
            ("> 200k", Some(200_001)),
            (">200K", Some(200_001)),
            ("200k-1M", Some(200_001)),
            ("1M-2M", Some(1_000_001)),
            ("large", None),
            ("> many", None),
        ] {
            assert_eq!(prompt(window), least, "{window:?}");
        }
    }
}
