//! What requests are taken to cost.

use proptest::collection::vec;
use proptest::prelude::*;
use systemprompt_budgets::{Estimates, Outlook};
use systemprompt_config::Reserve;
use systemprompt_domain::Nanos;
use systemprompt_pricing::Catalogue;
use time::macros::datetime;

/// 3 dollars a million in, 15 a million out.
const MODEL: &str = "claude-sonnet-4-5";

fn outlook(max_tokens: Option<u64>) -> Outlook<'static> {
    Outlook {
        provider: "anthropic",
        model: Some(MODEL),
        agent: Some("scout"),
        at: datetime!(2026-11-24 0:00 UTC),
        bytes: 2_997,
        max_tokens,
    }
}

fn cost(output: i64) -> Nanos {
    Nanos(1_000 * 3_000 + output * 15_000)
}

fn reservation(estimates: &Estimates, outlook: &Outlook<'_>, reserve: Reserve) -> Nanos {
    estimates.reservation(Catalogue::builtin(), outlook, reserve)
}

#[test]
fn unknown_agents_are_taken_to_answer_at_some_length() {
    let none = Estimates::default();
    assert_eq!(
        reservation(&none, &outlook(None), Reserve::Typical),
        cost(4_096)
    );
    assert_eq!(
        reservation(&none, &outlook(Some(100)), Reserve::Typical),
        cost(100)
    );
    assert_eq!(
        reservation(&none, &outlook(Some(9_000)), Reserve::Typical),
        cost(4_096)
    );
}

#[test]
fn known_agents_are_taken_at_twice_their_p95() {
    let mut estimates = Estimates::default();
    for output in 1..=64 {
        estimates.learn(Some("scout"), MODEL, output);
    }
    assert_eq!(
        reservation(&estimates, &outlook(None), Reserve::Typical),
        cost(122)
    );
    assert_eq!(
        reservation(&estimates, &outlook(Some(50)), Reserve::Typical),
        cost(50)
    );
    for _ in 0..64 {
        estimates.learn(Some("scout"), MODEL, 10);
    }
    assert_eq!(
        reservation(&estimates, &outlook(None), Reserve::Typical),
        cost(20),
        "the latest count"
    );
    let other = Outlook {
        agent: None,
        ..outlook(None)
    };
    assert_eq!(
        reservation(&estimates, &other, Reserve::Typical),
        cost(4_096)
    );
}

#[test]
fn the_worst_case_is_all_that_is_allowed() {
    let mut estimates = Estimates::default();
    (0..64).for_each(|_| estimates.learn(Some("scout"), MODEL, 1));
    assert_eq!(
        reservation(&estimates, &outlook(Some(9_000)), Reserve::WorstCase),
        cost(9_000)
    );
    assert_eq!(
        reservation(&estimates, &outlook(None), Reserve::WorstCase),
        cost(65_536)
    );
}

#[test]
fn what_has_no_price_reserves_nothing() {
    let unpriced = Outlook {
        model: Some("nobody-knows"),
        ..outlook(None)
    };
    assert_eq!(
        reservation(&Estimates::default(), &unpriced, Reserve::WorstCase),
        Nanos::ZERO
    );
}

proptest! {
    /// Against the plain way: sort the latest 64 each time.
    #[test]
    fn the_p95_is_that_of_the_latest_requests(outputs in vec(1_u64..200, 8..200)) {
        let mut estimates = Estimates::default();
        for output in &outputs {
            estimates.learn(Some("scout"), MODEL, *output);
        }
        let mut latest = outputs[outputs.len().saturating_sub(64)..].to_vec();
        latest.sort_unstable();
        let p95 = latest[(latest.len() * 95).div_ceil(100) - 1];
        prop_assert_eq!(
            reservation(&estimates, &outlook(None), Reserve::Typical),
            cost(2 * i64::try_from(p95).unwrap())
        );
    }
}
