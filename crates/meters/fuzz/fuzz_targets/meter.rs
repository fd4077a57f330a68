//! Any bytes, cut anywhere, give the outcome they give in one piece, and are
//! held from the terminal event on.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use systemprompt_domain::api::Api;
use systemprompt_meters::{Meter, Outcome};

const APIS: [Api; 7] = [
    Api::Messages,
    Api::ChatCompletions,
    Api::Responses,
    Api::Embeddings,
    Api::GenerateContent,
    Api::EmbedContent,
    Api::Unmetered,
];

/// What corrupted deflate gives before it is found out may depend on the cuts,
/// so these are only run.
const ENCODINGS: [&str; 2] = ["gzip", "deflate"];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    api: u8,
    status: u16,
    events: bool,
    encoding: Option<bool>,
    cuts: Vec<u8>,
    body: &'a [u8],
}

impl Input<'_> {
    fn meter(&self, encoding: &str) -> Meter {
        let api = APIS[usize::from(self.api) % APIS.len()];
        let content_type = if self.events {
            "text/event-stream"
        } else {
            "application/json"
        };
        Meter::new(api, self.status, content_type, encoding)
    }

    /// Feeds the body in pieces of these lengths, round and round.
    fn run(&self, encoding: &str, cuts: &[u8]) -> (Outcome, Option<usize>) {
        let mut meter = self.meter(encoding);
        let mut cuts = cuts.iter().cycle();
        let (mut held, mut at) = (None, 0);
        while at < self.body.len() {
            let rest = &self.body[at..];
            let len = cuts
                .next()
                .map_or(rest.len(), |cut| usize::from(*cut).clamp(1, rest.len()));
            let hold = meter.feed(&rest[..len]);
            assert!(held.is_none() || hold == Some(0), "once held, always held");
            assert!(hold.is_none_or(|offset| offset < len));
            held = held.or(hold.map(|offset| at + offset));
            at += len;
        }
        (meter.finish(), held)
    }
}

fuzz_target!(|input: Input<'_>| {
    if let Some(encoding) = input.encoding {
        input.run(ENCODINGS[usize::from(encoding)], &input.cuts);
        return;
    }
    let (whole, held) = input.run("", &[]);
    let (pieces, held_later) = input.run("", &input.cuts);
    assert_eq!(whole, pieces);
    assert_eq!(held.is_some(), held_later.is_some());
    assert!(held <= held_later);
});
