//! Any bytes are events within their bounds or a short error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systemprompt_web::beacon;

fuzz_target!(|body: &[u8]| {
    match beacon::parse(body) {
        Err(error) => assert!(error.to_string().len() < 100),
        Ok(events) => {
            assert!(events.len() <= beacon::MOST);
            for event in events {
                assert!(event.engaged_ms <= 1_800_000 && event.scroll <= 100);
                let texts = [event.url, event.referrer, event.title, event.key_event];
                for text in texts.into_iter().flatten().chain(event.outbound) {
                    assert!(text.chars().count() <= 2_048);
                    assert!(!text.chars().any(char::is_control));
                }
            }
        }
    }
});
