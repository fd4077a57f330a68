//! Any bytes, cut anywhere, give the answers they give in one piece; as a message
//! of a client they give what they give, without harm.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use systemprompt_meters::rpc::{Answers, Ended, Format, RpcId, read_listing, read_message};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    format: u8,
    cuts: Vec<u8>,
    body: &'a [u8],
}

impl Input<'_> {
    fn run(&self, cuts: &[u8]) -> Vec<(RpcId, Ended, bool)> {
        let formats = [Format::Document, Format::Events, Format::Lines];
        let mut answers = Answers::new(formats[usize::from(self.format) % 3], 4096);
        let mut cuts = cuts.iter().cycle();
        let (mut seen, mut at) = (Vec::new(), 0);
        while at < self.body.len() {
            let rest = &self.body[at..];
            let len = cuts
                .next()
                .map_or(rest.len(), |cut| usize::from(*cut).clamp(1, rest.len()));
            answers.feed(&rest[..len], |answer| {
                seen.push((answer.id, answer.ended, answer.text.is_some()));
            });
            at += len;
        }
        seen
    }
}

fuzz_target!(|input: Input<'_>| {
    let whole: Vec<_> = input.run(&[]).into_iter().map(|(id, ended, _)| (id, ended)).collect();
    let pieces: Vec<_> = input
        .run(&input.cuts)
        .into_iter()
        .map(|(id, ended, _)| (id, ended))
        .collect();
    assert_eq!(whole, pieces);
    let _ = read_message(input.body);
    let _ = read_listing(input.body);
});
