//! Where a stream is cut makes no difference to what the filter lets through or
//! holds, and it never adds a byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systemprompt_meters::UsageFilter;

fn filter(stream: &[u8], cuts: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut filter = UsageFilter::new();
    let mut cuts = cuts.iter().cycle();
    let (mut out, mut held, mut rest) = (Vec::new(), None, stream);
    while !rest.is_empty() {
        let len = cuts
            .next()
            .map_or(rest.len(), |cut| usize::from(*cut).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(len);
        held = held.or(filter.feed(piece, &mut out));
        rest = after;
    }
    filter.finish(&mut out);
    (out, held)
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, stream) = input;
    let whole = filter(stream, &[]);
    assert_eq!(filter(stream, &cuts), whole);
    assert!(whole.0.len() <= stream.len());
});
