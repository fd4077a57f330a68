//! What holds for every price and every usage.

use proptest::prelude::*;
use rust_decimal::Decimal;
use systemprompt_domain::money::Nanos;
use systemprompt_domain::usage::{TokenClass, Tokens, Usage};
use systemprompt_pricing::{Catalogue, PriceVersion};
use time::Time;

fn versions() -> Vec<&'static PriceVersion> {
    Catalogue::builtin().versions().collect()
}

fn any_version() -> impl Strategy<Value = &'static PriceVersion> {
    proptest::sample::select(versions())
}

/// Versions whose cost is linear in every class.
fn linear_version() -> impl Strategy<Value = &'static PriceVersion> {
    let without_tiers = |version: &&PriceVersion| version.tiers.is_empty();
    proptest::sample::select(
        versions()
            .into_iter()
            .filter(without_tiers)
            .collect::<Vec<_>>(),
    )
}

fn any_tokens() -> impl Strategy<Value = Tokens> {
    proptest::collection::vec(prop_oneof![Just(0), 0..5_000_u64, 0..400_000_u64], 9).prop_map(
        |counts| {
            let mut tokens = Tokens::default();
            for (class, count) in TokenClass::ALL.into_iter().zip(counts) {
                *tokens.get_mut(class) = count;
            }
            tokens
        },
    )
}

fn exact(version: &PriceVersion, tokens: Tokens) -> Decimal {
    let usage = Usage {
        tokens,
        ..Usage::default()
    };
    version.lines(&usage).iter().map(|line| line.cost).sum()
}

proptest! {
    #[test]
    fn costs_add_up_over_classes(version in linear_version(), tokens in any_tokens()) {
        let alone = |class| {
            let mut one = Tokens::default();
            *one.get_mut(class) = tokens.get(class);
            exact(version, one)
        };
        let sum: Decimal = TokenClass::ALL.into_iter().map(alone).sum();
        prop_assert_eq!(exact(version, tokens), sum);
    }

    #[test]
    fn splitting_a_request_changes_nothing(
        version in linear_version(), one in any_tokens(), other in any_tokens(),
    ) {
        let mut merged = one;
        merged += other;
        prop_assert_eq!(exact(version, merged), exact(version, one) + exact(version, other));
    }

    #[test]
    fn more_tokens_never_cost_less(
        version in any_version(), tokens in any_tokens(), class in 0..9_usize, more in 1..300_000_u64,
    ) {
        let mut grown = tokens;
        *grown.get_mut(TokenClass::ALL[class]) += more;
        let (before, after) = (exact(version, tokens), exact(version, grown));
        prop_assert!(before >= Decimal::ZERO);
        prop_assert!(after >= before, "{}: {before} → {after}", version.model);
    }

    #[test]
    fn the_total_is_the_sum_of_its_lines_rounded_once(
        version in any_version(), tokens in any_tokens(),
    ) {
        let at = version.from.with_time(Time::MIDNIGHT).assume_utc();
        let usage = Usage { tokens, ..Usage::default() };
        let cost = Catalogue::builtin()
            .cost(&version.provider, Some(&version.model), None, at, &usage)
            .expect("a listed model has a standard price");
        prop_assert_eq!(&cost.price_version, &version.id);
        prop_assert_eq!(Some(cost.total), Nanos::from_usd(exact(version, tokens)));
        let half = Decimal::new(5, 10);
        prop_assert!((cost.total.to_usd() - exact(version, tokens)).abs() <= half);
    }
}
