//! Every answer recorded from the real providers has a price.

use std::collections::BTreeSet;

use serde::Deserialize;
use systemprompt_domain::usage::{Tokens, Usage};
use systemprompt_pricing::Catalogue;

use crate::{NOW, shared};

/// Models in the recordings that we have no price for, and why.
const UNPRICED: [(&str, &str); 2] = [
    (
        "gemini-2.0-flash-exp",
        "an experiment for which no table states a price",
    ),
    (
        "gemini-2.5-flash-image",
        "picture output has a price of its own and no token class",
    ),
];

#[derive(Deserialize)]
struct Recording {
    file: String,
    provider: String,
    request_model: Option<String>,
    response_model: Option<String>,
    input_raw: Option<u64>,
    output_raw: Option<u64>,
    service_tier: Option<String>,
    raw_usage: Option<String>,
}

#[test]
fn every_recording_with_usage_has_a_price() {
    let index = shared("recordings/index.tsv");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .from_reader(index.as_bytes());
    let mut priced = 0;
    let mut unpriced = BTreeSet::new();
    for row in reader.deserialize() {
        let row: Recording = row.unwrap();
        if row.raw_usage.is_none() {
            continue;
        }
        let usage = Usage {
            tokens: Tokens {
                input: row.input_raw.unwrap_or(0),
                output: row.output_raw.unwrap_or(0),
                ..Tokens::default()
            },
            service_tier: row.service_tier,
            ..Usage::default()
        };
        let (served, requested) = (row.response_model.as_deref(), row.request_model.as_deref());
        let cost = Catalogue::builtin().cost(&row.provider, served, requested, NOW, &usage);
        let model = served.or(requested).unwrap_or_default();
        if UNPRICED.iter().any(|(name, _)| *name == model) {
            assert_eq!(cost, None, "{}: {model} has a price now", row.file);
            unpriced.insert(model.to_owned());
        } else {
            assert!(
                cost.is_some(),
                "{}: {model} {:?} is unpriced",
                row.file,
                usage.service_tier
            );
            priced += 1;
        }
    }
    assert!(priced > 400, "only {priced} recordings were looked at");
    assert_eq!(
        unpriced.len(),
        UNPRICED.len(),
        "an exception that no recording needs"
    );
}
