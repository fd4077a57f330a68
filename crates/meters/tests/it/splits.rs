//! Where the bytes are cut makes no difference, whatever they are.

use proptest::prelude::*;
use systemprompt_domain::api::Api;
use systemprompt_meters::Meter;

use crate::support::{meter_pieces, random_pieces};

fn api() -> impl Strategy<Value = Api> {
    prop::sample::select(vec![
        Api::Messages,
        Api::ChatCompletions,
        Api::Responses,
        Api::Embeddings,
        Api::GenerateContent,
        Api::EmbedContent,
        Api::Unmetered,
    ])
}

/// Bytes that look like streams and documents, put together at random.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "\n",
        "\r",
        "\n\n",
        "\r\n\r\n",
        "data: ",
        "data:",
        "event: ",
        ": x",
        "id: 1",
        "[DONE]",
        "message_stop",
        "message_start",
        "error",
        "response.completed",
        "{",
        "}",
        "[",
        "]",
        ",",
        "{\"",
        "\":",
        "\":\"",
        "\"",
        "\\\"",
        "\\",
        "null",
        "1",
        "-2.5",
        " ",
        "type",
        "usage",
        "{\"type\":\"message_stop\"}",
        "{\"type\":\"error\",\"code\":\"x\"}",
        "{\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"usage\":{\"input_tokens\":5}}}",
        "{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
        "\"usage\":{\"prompt_tokens\":3}",
        "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0}],\"usage\":null}",
        "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4}}",
        "\u{FEFF}",
        "é",
        "\0",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let other = prop::collection::vec(any::<u8>(), 1..4);
    prop::collection::vec(prop_oneof![12 => word, 1 => other], 0..40)
        .prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn the_outcome_is_the_same(api in api(), body in soup(), seed: u64, failed: bool) {
        let meter = || Meter::new(api, if failed { 500 } else { 200 }, "", "");
        let (whole, held) = meter_pieces(meter(), std::iter::once(body.as_slice()));
        let (pieces, held_later) = meter_pieces(meter(), random_pieces(&body, seed));
        let (bytewise, held_last) = meter_pieces(meter(), body.chunks(1));
        prop_assert_eq!(&pieces, &whole);
        prop_assert_eq!(&bytewise, &whole);
        // Held at the latest with the byte that tells, never before the event.
        prop_assert_eq!(held.is_some(), held_later.is_some());
        prop_assert_eq!(held.is_some(), held_last.is_some());
        prop_assert!(held <= held_later && held_later <= held_last);
    }
}
