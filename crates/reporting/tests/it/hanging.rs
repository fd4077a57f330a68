//! A database that says nothing ends a question all the same.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use systemprompt_reporting::Error;

use crate::store::Store;

#[tokio::test]
async fn a_question_that_hangs_ends_with_an_error() {
    let store = Store::empty().await;
    // The connections of these tests have no limits of their own, as a network that
    // swallows everything has none.
    let mut held = store.pool().begin().await.expect("begins");
    sqlx::raw_sql("lock table ai_requests in access exclusive mode")
        .execute(&mut *held)
        .await
        .expect("locked");
    let begun = Instant::now();
    let answer = store.try_ask("requests/list").await;
    let Err(Error::Database(sqlx::Error::Io(error))) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let taken = begun.elapsed();
    assert!(
        taken >= Duration::from_secs(10) && taken < Duration::from_secs(60),
        "{taken:?}"
    );
}
