//! The events in a body: a JSON array, `{"events": […]}`, or one event a line.
//! They are told apart here and read one by one, so that one that is broken
//! does not take the others with it.

use std::fmt;

use axum::http::StatusCode;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::error::ApiError;

/// The most events at once.
pub(super) const MOST: usize = 5_000;

/// One event as it was sent; or why it is no JSON.
pub(super) type Piece<'a> = Result<&'a RawValue, String>;

/// The events in a body.
pub(super) fn split(body: &[u8]) -> Result<Vec<Piece<'_>>, ApiError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| refusal("the body is not UTF-8".to_owned()))?
        .trim_start_matches('\u{feff}');
    let pieces = match serde_json::from_str::<&RawValue>(text) {
        Ok(one) => whole(one)?,
        Err(error) => lines(text).ok_or_else(|| {
            refusal(format!(
                "the body is not JSON ({error}); send an array, {{\"events\": […]}} or one event a line"
            ))
        })?,
    };
    if pieces.len() > MOST {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("there are more than {MOST} events; send fewer at once"),
        ));
    }
    Ok(pieces)
}

fn refusal(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message)
}

/// A body that is one JSON value.
fn whole(one: &RawValue) -> Result<Vec<Piece<'_>>, ApiError> {
    #[derive(serde::Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        events: Items<'a>,
    }
    let text = one.get();
    let items = match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str::<Items<'_>>(text).ok(),
        // An object without a list of events is an event.
        Some(b'{') => serde_json::from_str::<Wrapped<'_>>(text)
            .ok()
            .map(|wrapped| wrapped.events),
        _ => {
            return Err(refusal(
                "the body is neither an event nor a list of events".to_owned(),
            ));
        }
    };
    Ok(items.map_or_else(
        || vec![Ok(one)],
        |Items(items)| items.into_iter().map(Ok).collect(),
    ))
}

/// A body of several values, one a line: the first line must be one, or it is
/// something else altogether.
fn lines(text: &str) -> Option<Vec<Piece<'_>>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    // Whoever sends more is refused, so the rest need not be read.
    let pieces: Vec<Piece<'_>> = lines
        .take(MOST + 1)
        .map(|line| serde_json::from_str(line).map_err(|error| error.to_string()))
        .collect();
    let first = pieces.first()?.as_ref().ok()?;
    (pieces.len() > 1 && first.get().starts_with('{')).then_some(pieces)
}

/// The values of a list: no more than one too many is kept.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MOST {
                    let Some(item) = seq.next_element()? else {
                        return Ok(items);
                    };
                    items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(items)
            }
        }

        deserializer.deserialize_seq(List).map(Items)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(body: &str) -> Vec<Result<&str, ()>> {
        let pieces = split(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error:?}"));
        pieces
            .into_iter()
            .map(|piece| piece.map(RawValue::get).map_err(drop))
            .collect()
    }

    #[test]
    fn all_three_forms_are_read() {
        let both = [Ok("{\"a\":1}"), Ok("{\"b\": 2}")];
        for body in [
            "[{\"a\":1},{\"b\": 2}]",
            "\u{feff}{\"version\": 1, \"events\": [{\"a\":1} , {\"b\": 2}]}",
            "{\"a\":1}\n{\"b\": 2}",
            "\r\n{\"a\":1}\r\n\r\n{\"b\": 2}\r\n",
        ] {
            assert_eq!(texts(body), both, "{body}");
        }
        assert_eq!(texts("{\"a\":1}"), both[..1]);
        assert_eq!(texts("[]"), []);
        assert_eq!(texts("{\"events\": []}"), []);
    }

    #[test]
    fn a_broken_line_leaves_the_others_alone() {
        let pieces = texts("{\"a\":1}\n{\"a\":\n{\"b\": 2}");
        assert_eq!(pieces, [Ok("{\"a\":1}"), Err(()), Ok("{\"b\": 2}")]);
    }

    #[test]
    fn what_is_no_list_of_events_is_refused() {
        for body in [
            "",
            " ",
            "1",
            "null",
            "\"text\"",
            "[1",
            "{\"a\":",
            "a\nb",
            "type=activity",
        ] {
            assert!(split(body.as_bytes()).is_err(), "{body}");
        }
        assert!(split(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn only_so_many_are_taken() {
        let most = vec!["{}"; MOST];
        let more = vec!["{}"; MOST + 1];
        assert_eq!(texts(&format!("[{}]", most.join(","))).len(), MOST);
        assert_eq!(texts(&most.join("\n")).len(), MOST);
        assert!(split(format!("[{}]", more.join(",")).as_bytes()).is_err());
        assert!(split(format!("{{\"events\":[{}]}}", more.join(",")).as_bytes()).is_err());
        assert!(split(more.join("\n").as_bytes()).is_err());
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(texts(&deep).len(), 1);
        let _ = split("[".repeat(1_000_000).as_bytes());
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&body);
        }

        #[test]
        fn nearly_json_does_not_either(body in "[\\[\\]{}\",:a1\n\\\\ ]{0,60}") {
            let _ = split(body.as_bytes());
        }
    }
}
