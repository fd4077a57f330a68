//! A stream with usage asked for on the client's behalf, and filtered, is the
//! stream without.

use proptest::prelude::*;
use systemprompt_meters::UsageFilter;

use crate::support::random_pieces;

/// Filters a stream in pieces: what comes out, and where it was held.
fn filter<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<usize>) {
    let mut filter = UsageFilter::new();
    let (mut out, mut held) = (Vec::new(), None);
    for piece in pieces {
        let before = out.len();
        let hold = filter.feed(piece, &mut out);
        if held.is_some() {
            assert_eq!(hold, Some(before), "once held, always held");
        }
        held = held.or(hold);
    }
    filter.finish(&mut out);
    (out, held)
}

fn check(injected: &str, plain: &str) {
    let (out, held) = filter(std::iter::once(injected.as_bytes()));
    assert_eq!(String::from_utf8(out).expect("text"), plain);
    let done = plain
        .find("data: [DONE]")
        .filter(|_| plain.ends_with(['\n', '\r']));
    assert_eq!(held.is_some(), done.is_some(), "{plain}");
    if let (Some(held), Some(done)) = (held, done) {
        assert_eq!(held, done, "{plain}");
    }
    for seed in 0..40 {
        let (out, later) = filter(random_pieces(injected.as_bytes(), seed));
        assert_eq!(
            String::from_utf8(out).expect("text"),
            plain,
            "cut by {seed}"
        );
        // A CR at the very end may or may not be followed by an LF.
        assert!(later == held || plain.ends_with('\r'), "cut by {seed}");
    }
}

const INJECTED: &str = concat!(
    ": OPENROUTER PROCESSING\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":null\"}}],\"usage\":null}\n\n",
    "data: {\"usage\": null, \"id\":\"c\",\"choices\":[{\"delta\":{\"usage\":null}}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0}],\"usage\" : null ,\"obfuscation\":\"x\"}\n\n",
    "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n",
    "data: [DONE]\n\n",
);
const PLAIN: &str = concat!(
    ": OPENROUTER PROCESSING\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\":null\"}}]}\n\n",
    "data: { \"id\":\"c\",\"choices\":[{\"delta\":{\"usage\":null}}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0}] ,\"obfuscation\":\"x\"}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn what_was_injected_goes_and_nothing_else() {
    check(INJECTED, PLAIN);
}

#[test]
fn lines_may_end_in_any_way() {
    check(
        &INJECTED.replace('\n', "\r\n"),
        &PLAIN.replace('\n', "\r\n"),
    );
    let (out, _) = filter(std::iter::once(INJECTED.replace('\n', "\r").as_bytes()));
    assert_eq!(
        String::from_utf8(out).expect("text"),
        PLAIN.replace('\n', "\r")
    );
}

#[test]
fn usage_beside_choices_stays() {
    let body =
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n";
    check(body, body);
}

#[test]
fn an_error_is_held() {
    let chunk = "data: {\"choices\":[{}]}\n\n";
    let body = format!("{chunk}data: {{\"error\":{{\"code\":\"overloaded\"}}}}\n\n");
    let (out, held) = filter(std::iter::once(body.as_bytes()));
    assert_eq!(out, body.as_bytes());
    assert_eq!(held, Some(chunk.len()));
}

#[test]
fn a_stream_without_its_last_blank_line_is_filtered_too() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}";
    check(usage, "");
    check(
        &format!("data: {{\"choices\":[{{}}],\"usage\":null}}\n\n{usage}\n"),
        "data: {\"choices\":[{}]}\n\n",
    );
    let cut = "data: {\"choices\":[{}],\"usage\":nu";
    check(cut, cut);
}

#[test]
fn a_large_event_passes_as_it_is() {
    let text = "x".repeat(300 << 10);
    let body = format!("data: {{\"a\":\"{text}\",\"usage\":null}}\n\ndata: [DONE]\n\n");
    check(&body, &body);
}

#[test]
fn data_of_several_lines_is_left_alone() {
    for body in [
        "data: \ndata: \n\n",
        "data:\ndata: {\"choices\":[],\ndata: \"usage\":null}\n\ndata: [DONE]\n\n",
    ] {
        check(body, body);
    }
}

proptest! {
    /// Streams that say nothing of usage come out as they went in.
    #[test]
    fn other_bytes_stay(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "\n", "\r", "data:", "data: ", ": ", "id", "{\"a\":1}", "[DONE]", "é\0",
            ]),
            0..60,
        ),
        seed: u64,
    ) {
        let bytes = words.concat().into_bytes();
        let (out, _) = filter(random_pieces(&bytes, seed));
        prop_assert_eq!(out, bytes);
    }
}
