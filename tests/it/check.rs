//! The check finds nothing in what the server wrote, and everything that was
//! changed since.

use serde_json::json;
use sqlx::Executor;
use systemprompt_storage::check::{Checked, check};

use crate::system::{CHAT, MESSAGES, System};

#[tokio::test]
async fn a_row_that_is_wrong_missing_or_too_many_is_found() {
    let system = System::start().await;
    let body = json!({"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "a"}]});
    system.post(MESSAGES, "in=7,out=3", &body).await;
    system.post(MESSAGES, "nousage", &body).await;
    system.post(MESSAGES, "status=529", &body).await;
    let body = json!({"model": "of-no-price", "messages": [{"role": "user", "content": "b"}]});
    system
        .post_with(CHAT, &[("x-systemprompt-agent", "scout")], &body)
        .await;
    assert_eq!(system.count().await.unwrap(), 4);

    let db = system.db.pool();
    assert_eq!(check(db).await.unwrap(), Checked::default());
    for change in [
        "update usage_quarter set output = output + 1 where provider = 'anthropic'",
        "update usage_day set cost_nanos = cost_nanos - 1 where cube = 'total'",
        "delete from usage_hour where cube = 'agent' and agent = 'scout'",
        "update latency_day set slot = slot + 1 where cube = 'agent' and agent = 'scout'",
        "insert into errors_hour select bucket, 'nobody', model, agent, user_id, state, \
             http_status, error_type, error_code, n, first_at, last_at from errors_hour",
        "update conversations set requests = requests + 1 where requests = 3",
    ] {
        db.execute(change).await.unwrap();
    }
    let found = check(db).await.unwrap().differences;
    let found: Vec<_> = found
        .iter()
        .map(|d| {
            let sides = [&d.expected, &d.found].map(|side| side.as_ref().map(serde_json::Map::len));
            (d.table, d.cube.as_deref().unwrap_or(""), sides)
        })
        .collect();
    let all_usage = Some(32);
    assert_eq!(
        found,
        [
            ("usage_quarter", "", [Some(1), Some(1)]),
            ("usage_hour", "agent", [all_usage, None]),
            ("usage_day", "total", [Some(1), Some(1)]),
            ("latency_day", "agent", [Some(7), None]),
            ("latency_day", "agent", [None, Some(7)]),
            ("errors_hour", "", [None, Some(12)]),
            ("conversation_hour", "agent", [Some(1), Some(1)]),
            ("conversation_hour", "total", [Some(1), Some(1)]),
            ("conversation_day", "agent", [Some(1), Some(1)]),
            ("conversation_day", "total", [Some(1), Some(1)]),
            ("conversations", "", [Some(1), Some(1)]),
        ]
    );
}

#[tokio::test]
async fn latency_slots_are_those_of_the_histogram() {
    let db = systemprompt_testkit::db::TestDb::new().await;
    let around = (0..40).flat_map(|n| {
        let power = 1_i64 << n;
        [power - 1, power, power + 1]
    });
    for latency in around {
        let slot: i16 =
            sqlx::query_scalar("select floor(16 * ln(greatest($1::bigint, 1)::float8) / ln(2::float8) + 1e-12)::smallint")
                .bind(latency)
                .fetch_one(db.pool())
                .await
                .unwrap();
        let expected = systemprompt_domain::histogram::bucket_of(latency.cast_unsigned());
        assert_eq!(slot, expected, "{latency} µs");
    }
}
