//! Request bodies of any kind are read without a panic, and the injected option
//! is all that is added to them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use systemprompt_domain::api::Api;
use systemprompt_meters::{inject_include_usage, read_request};

const APIS: [Api; 7] = [
    Api::Messages,
    Api::ChatCompletions,
    Api::Responses,
    Api::Embeddings,
    Api::GenerateContent,
    Api::EmbedContent,
    Api::Unmetered,
];

fuzz_target!(|body: &[u8]| {
    for api in APIS {
        if let Ok(facts) = read_request(api, body) {
            facts.opening().for_each(drop);
        }
    }
    let Some(injected) = inject_include_usage(body) else {
        return;
    };
    // Deeper nesting than a `Value` can be read from is not compared.
    let Ok(mut expected) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let injected: Value = serde_json::from_slice(&injected).expect("still JSON");
    if !expected["stream_options"].is_object() {
        expected["stream_options"] = json!({});
    }
    expected["stream_options"]["include_usage"] = true.into();
    assert_eq!(injected, expected);
});
