//! The accounts in SQL do what the pure arithmetic says, whatever the order.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use systemprompt_budgets::{Account, Decision, Rules};
use systemprompt_config::Alert;
use systemprompt_domain::Nanos;
use systemprompt_domain::ids::SpoolId;
use systemprompt_storage::budgets::{Leased, Settlement, give_back, recover};
use systemprompt_testkit::db::TestDb;

use super::{NOW, USD, assert_balanced, daily, lease_for, reserved, rule, standing, today};

const LIMIT: i64 = 10 * USD;

#[derive(Clone, Debug)]
enum Op {
    Lease(i64),
    /// What was set aside, and what it cost.
    End(i64, i64),
    GiveBack(i64),
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let op = prop_oneof![
        4 => (0..LIMIT / 4).prop_map(Op::Lease),
        4 => (0..LIMIT / 5, 0..LIMIT / 5).prop_map(|(reserved, cost)| Op::End(reserved, cost)),
        1 => (0..LIMIT / 5).prop_map(Op::GiveBack),
        1 => Just(Op::Crash),
    ];
    prop::collection::vec((0..3_usize, op), 1..40)
}

/// The same operations without a database.
#[derive(Default)]
struct Model {
    account: Account,
    leases: HashMap<usize, i64>,
    refused: bool,
}

impl Model {
    fn lease(&mut self, holder: usize, need: i64) -> Leased {
        match self.account.decide(Nanos(LIMIT), Nanos(need)) {
            Decision::Grant(amount) => {
                self.account.leased += amount;
                *self.leases.entry(holder).or_default() += amount.0;
                Leased::Granted { amount }
            }
            Decision::Busy => Leased::Busy,
            Decision::Exhausted => {
                let first = !std::mem::replace(&mut self.refused, true);
                Leased::Exhausted { first }
            }
        }
    }

    fn release(&mut self, holder: usize, amount: i64) {
        let lease = self.leases.entry(holder).or_default();
        let amount = amount.min(*lease);
        *lease -= amount;
        self.account.leased = self.account.leased - Nanos(amount);
    }

    fn spend(&mut self, cost: i64) {
        self.account.spent += Nanos(cost);
        self.refused |= cost > 0 && self.account.spent.0 >= LIMIT;
    }
}

#[tokio::test]
async fn accounts_follow_the_arithmetic_for_random_histories() {
    let db = TestDb::new().await;
    let mut runner = TestRunner::deterministic();
    for case in 0..50 {
        let history = ops().new_tree(&mut runner).unwrap().current();
        let alert = Alert {
            name: Some(format!("budget-{case}")),
            ..daily(LIMIT / USD)
        };
        let rule = rule(&alert);
        let mut settlement = Settlement::new(Arc::new(Rules::new(&[alert])));
        let holders = [SpoolId::new(), SpoolId::new(), SpoolId::new()];
        let mut model = Model::default();
        // Opens the account: there are no rollups that would.
        let opened = lease_for(db.pool(), &rule, 0, holders[0]).await;
        assert_eq!(opened, model.lease(0, 0));
        for (holder, op) in &history {
            let spool = holders[*holder];
            match *op {
                Op::Lease(need) => {
                    let leased = lease_for(db.pool(), &rule, need, spool).await;
                    assert_eq!(leased, model.lease(*holder, need), "{history:?}");
                }
                Op::End(set_aside, cost) => {
                    let request = reserved(set_aside, cost);
                    let mut tx = db.pool().begin().await.unwrap();
                    let settled = settlement
                        .settle(&mut tx, spool, &[&request], NOW)
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                    settlement.committed(settled);
                    model.release(*holder, set_aside);
                    model.spend(cost);
                }
                Op::GiveBack(amount) => {
                    let since = today(&rule).since;
                    give_back(db.pool(), &rule.name, since, Nanos(amount), spool)
                        .await
                        .unwrap();
                    model.release(*holder, amount);
                }
                Op::Crash => {
                    recover(db.pool(), spool).await.unwrap();
                    model.release(*holder, i64::MAX);
                }
            }
            let standing = standing(&db, &rule).await;
            let account = Account {
                spent: standing.spent,
                leased: standing.leased,
            };
            assert_eq!(account, model.account, "{history:?}");
            assert_eq!(standing.paused_at.is_some(), model.refused, "{history:?}");
        }
    }
    assert_balanced(&db, &[]).await;
}
