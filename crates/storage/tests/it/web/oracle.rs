//! The database puts events into the sessions that an account in memory puts them
//! into, whatever their times and order, and however they are batched.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use systemprompt_web::{Cut, Sessions};
use time::Duration;
use uuid::Uuid;

use super::{Lane, noon, view, visit, visitor};

/// Visitor, minutes after noon, and which batch.
type Happened = (u128, i64, usize);

fn anything() -> impl Strategy<Value = Vec<Happened>> {
    prop::collection::vec((0..4_u128, 0..400_i64, 0..4_usize), 1..40)
}

#[tokio::test]
async fn sessions_are_those_of_the_account_in_memory() {
    let mut runner = TestRunner::deterministic();
    let lane = Lane::new().await;
    for round in 0..25_u128 {
        let happened = anything().new_tree(&mut runner).expect("a case").current();
        let mut account = Sessions::new(Cut::default());
        let mut expected: BTreeMap<_, BTreeSet<Uuid>> = BTreeMap::new();
        for batch in 0..4 {
            let mut of_batch: Vec<_> = (1_u128..)
                .zip(&happened)
                .filter(|(_, (_, _, b))| *b == batch)
                .collect();
            // Within a batch the times decide.
            of_batch.sort_by_key(|(_, (_, minutes, _))| *minutes);
            let mut visits = Vec::new();
            for (n, (who, minutes, _)) in of_batch {
                let who = round * 100 + who;
                let at = noon() + Duration::minutes(*minutes);
                let id = round * 1_000 + n;
                let (session, _) = account.assign(who, at);
                expected
                    .entry(session)
                    .or_default()
                    .insert(Uuid::from_u128(id));
                visits.push(visit(Some(visitor(who)), at, vec![view(id, "/")]));
            }
            lane.store(&visits).await;
        }
        let rows: Vec<(Vec<Uuid>,)> = sqlx::query_as(
            "select array_agg(id) from open_page_views \
             where id >= $1 and id < $2 group by session_id",
        )
        .bind(Uuid::from_u128(round * 1_000))
        .bind(Uuid::from_u128((round + 1) * 1_000))
        .fetch_all(lane.db.pool())
        .await
        .expect("sessions");
        let found: BTreeSet<BTreeSet<Uuid>> = rows
            .into_iter()
            .map(|(ids,)| ids.into_iter().collect())
            .collect();
        let expected: BTreeSet<BTreeSet<Uuid>> = expected.into_values().collect();
        assert_eq!(found, expected, "round {round}: {happened:?}");
    }
}
