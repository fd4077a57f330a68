//! Any user agent is read, and never becomes more than short names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systemprompt_web::{Hints, Rules};

fuzz_target!(|agent: &str| {
    let rules = Rules::built_in();
    let hints = Hints {
        brands: Some(agent),
        platform: Some(agent),
        platform_version: Some(agent),
        ..Hints::default()
    };
    for read in [rules.agent(agent), rules.agent_with(agent, &hints)] {
        for product in [read.browser, read.os].into_iter().flatten() {
            assert!(product.name.chars().count() <= 40);
            assert!(product.version.is_none_or(|version| version.len() <= 32));
        }
    }
    if let Some(bot) = rules.bot(agent) {
        assert!(bot.name.chars().count() <= 80);
    }
});
