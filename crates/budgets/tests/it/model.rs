//! Whatever servers do and whenever they die, budgets hold: the cost is at most
//! the limit and what requests under way cost beyond their reservations, nobody
//! is refused what fits, and the account equals the sum of its requests.

use proptest::prelude::*;

use crate::world::World;

/// Servers in the largest world.
const SERVERS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Request {
        at: usize,
        reserved: i64,
        actual: i64,
        answered: bool,
    },
    End {
        at: usize,
        which: usize,
    },
    Settle {
        at: usize,
        most: usize,
    },
    GiveBack {
        at: usize,
    },
    Flip {
        at: usize,
    },
    Crash {
        at: usize,
    },
    Restart {
        at: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..SERVERS;
    // Small, large and impossible ones; some cost more than they were taken for.
    let reserved = prop_oneof![6 => 0..200_i64, 2 => 200..4_000_i64, 1 => 4_000..12_000_i64];
    let actual = prop_oneof![6 => 0..200_i64, 1 => 0..6_000_i64];
    let request = (at(), reserved, actual, prop::bool::weighted(0.97));
    prop_oneof![
        40 => request.prop_map(|(at, reserved, actual, answered)| Step::Request { at, reserved, actual, answered }),
        30 => (at(), any::<usize>()).prop_map(|(at, which)| Step::End { at, which }),
        20 => (at(), 1..20_usize).prop_map(|(at, most)| Step::Settle { at, most }),
        4 => at().prop_map(|at| Step::GiveBack { at }),
        2 => at().prop_map(|at| Step::Flip { at }),
        2 => at().prop_map(|at| Step::Crash { at }),
        4 => at().prop_map(|at| Step::Restart { at }),
    ]
}

proptest! {
    // `PROPTEST_CASES=10000` is the long run.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(500),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn budgets_hold(servers in 1..=SERVERS, steps in prop::collection::vec(step(), 1..400)) {
        let mut world = World::new(servers);
        for step in steps {
            match step {
                Step::Request { at, reserved, actual, answered } => {
                    world.request(at % servers, reserved, actual, answered);
                }
                Step::End { at, which } => world.end(at % servers, which),
                Step::Settle { at, most } => world.settle(at % servers, most),
                Step::GiveBack { at } => world.give_back(at % servers),
                Step::Flip { at } => world.flip(at % servers),
                Step::Crash { at } => world.crash(at % servers),
                Step::Restart { at } => world.restart(at % servers),
            }
            world.check();
        }
        world.finish();
    }
}

/// While there is plenty, a server asks rarely: one grant covers many requests.
#[test]
fn few_questions_while_much_is_left() {
    use systemprompt_budgets::{Account, Decision, Lease};
    use systemprompt_domain::Nanos;
    use time::macros::datetime;

    let limit = Nanos(1_000_000);
    let mut account = Account::default();
    let mut lease = Lease::empty(datetime!(2026-11-24 0:00 UTC));
    let (mut asked, mut requests) = (0, 0);
    while account.spent.0 < limit.0 / 100 * 95 {
        if !lease.reserve(Nanos(10)) {
            let Decision::Grant(amount) = account.decide(limit, Nanos(10)) else {
                panic!("refused with {account:?}");
            };
            account.leased += amount;
            lease.grant(amount);
            assert!(lease.reserve(Nanos(10)));
            asked += 1;
        }
        account.leased = account.leased - Nanos(10);
        account.spent += Nanos(10);
        requests += 1;
    }
    assert_eq!(requests, 95_000);
    assert!(asked <= 100, "{asked} questions for {requests} requests");
}
