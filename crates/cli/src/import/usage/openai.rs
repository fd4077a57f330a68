//! The completions usage that OpenAI's dashboard exports: a row a minute, hour or day,
//! and whatever it was grouped by.

use systemprompt_domain::period::Interval;
use systemprompt_domain::{Tokens, Usage};
use time::OffsetDateTime;

use super::row::{Row, number};
use crate::import::records::Record;

/// What each row must have, by any of these names.
pub(super) const COLUMNS: &[&[&str]] = &[
    &["start_time", "start_time_iso"],
    &["end_time", "end_time_iso"],
    &["model"],
    &["input_tokens"],
    &["output_tokens"],
];

pub(super) fn read(record: &Record) -> Result<Option<Row>, String> {
    let n = |name| number(record, name);
    let counts = ["input_tokens", "output_tokens", "num_model_requests"];
    let [input, output, requests] = counts.map(n);
    let (input, output, requests) = (input?, output?, requests?);
    let tokens = tokens(record, input, output)?;
    if tokens == Tokens::default() && requests == 0 {
        // A time of which there is nothing to tell has a row, too.
        return Ok(None);
    }
    let model = record.text(&["model"]);
    let said = record.get(&["num_model_requests"]).is_some();
    let batch = record.text(&["batch"]);
    let batch = batch.is_some_and(|batch| batch.eq_ignore_ascii_case("true"));
    Ok(Some(Row {
        period: Interval {
            since: moment(record, ["start_time", "start_time_iso"])?,
            until: moment(record, ["end_time", "end_time_iso"])?,
        },
        model: model.ok_or("it names no model: export it grouped by model")?,
        user: record.text(&["user_id"]),
        key: record.text(&["api_key_id"]),
        group: record.text(&["project_id"]),
        requests: said.then_some(requests),
        // They will not all have been alike, but nothing else is known of them.
        prompt: tokens.input_total().checked_div(requests).unwrap_or(0),
        usage: Usage {
            tokens,
            service_tier: match batch {
                true => Some("batch".to_owned()),
                false => record.text(&["service_tier"]),
            },
            ..Usage::default()
        },
    }))
}

/// Disjoint classes. Since kinds of input are told apart (`input_text_tokens`), the totals
/// hold all of them; before, they held text alone.
fn tokens(record: &Record, input: u64, output: u64) -> Result<Tokens, String> {
    let n = |name| number(record, name);
    let read = n("input_cached_tokens")?;
    let (write, write_long) = (
        n("input_cache_write_tokens")?,
        n("input_cache_write_12h_tokens")?,
    );
    let (audio_input, audio_output) = (n("input_audio_tokens")?, n("output_audio_tokens")?);
    let inside = record.get(&["input_text_tokens"]).is_some();
    let (in_input, in_output) = match inside {
        true => (audio_input, audio_output),
        false => (0, 0),
    };
    let less = |name: &str, total: u64, parts: &[u64]| {
        let parts = parts.iter().sum();
        total
            .checked_sub(parts)
            .ok_or_else(|| format!("its {name} ({total}) are less than their parts ({parts})"))
    };
    Ok(Tokens {
        input: less("input_tokens", input, &[read, write, write_long, in_input])?,
        cache_read: read,
        cache_write_5m: write,
        cache_write_1h: write_long,
        audio_input,
        output: less("output_tokens", output, &[in_output])?,
        audio_output,
        ..Tokens::default()
    })
}

/// A moment: seconds since 1970, or as people write it.
pub(super) fn moment(record: &Record, names: [&str; 2]) -> Result<OffsetDateTime, String> {
    let text = record.text(&names).unwrap_or_default();
    let seconds = text.strip_suffix(".0").unwrap_or(&text).parse::<i64>();
    if let Ok(seconds) = seconds {
        return OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|_| format!("its {} ({seconds}) is no time", names[0]));
    }
    record
        .moment(&names)?
        .ok_or_else(|| format!("it has no {}", names[0]))
}
