//! The writer against a real database: whatever comes in whatever order, each
//! request is stored once and the rollups are the sum of the rows.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_domain::event::{RequestContext, RequestFinished, RequestStarted, Reserved};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{
    Api, Clock, Event, Nanos, RequestId, RequestState, Sampling, SpanId, Tokens, TraceId, Usage,
    UsageSource,
};
use systemprompt_storage::Writer;
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use crate::audit::assert_sound;

pub(crate) fn spool(dir: &Path) -> Spool {
    Spool::open(SpoolOptions {
        dir: dir.to_owned(),
        lane: "gateway",
        cap: 64 << 20,
        segment: 1 << 20,
        keep: Duration::from_secs(3600),
    })
    .expect("the spool opens")
}

pub(crate) async fn writer(db: &TestDb, spool: &Spool, boot: BootId) -> Writer {
    sampling_writer(db, spool, boot, Sampling::ALL).await
}

pub(crate) async fn sampling_writer(
    db: &TestDb,
    spool: &Spool,
    boot: BootId,
    sampling: Sampling,
) -> Writer {
    let (pool, spool) = (db.pool().clone(), spool.clone());
    Writer::start(pool, spool, Clock::System, boot, sampling, false)
        .await
        .expect("the writer starts")
}

/// A request that arrived `age` seconds ago.
pub(crate) fn context(age: u32, model: u8, agent: u8, user: u8) -> RequestContext {
    let at = OffsetDateTime::now_utc() - Duration::from_secs(age.into());
    let unix = u64::try_from(at.unix_timestamp()).expect("after 1970");
    let id = RequestId(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        unix,
        at.nanosecond(),
    )));
    let name = |kind: &str, n: u8| (n > 0).then(|| format!("{kind}-{n}"));
    RequestContext {
        id,
        created_at: id.created_at().expect("a v7 id"),
        trace_id: if model == 0 {
            TraceId(Uuid::from_u128(7))
        } else {
            TraceId::new()
        },
        span_id: SpanId(u64::MAX),
        parent_span_id: None,
        user: name("user", user),
        agent: name("agent", agent),
        token: None,
        session_id: None,
        conversation_id: name("conversation", user),
        conversation_derived: false,
        provider: format!("provider-{}", model % 2),
        api: Api::Messages,
        requested_model: name("model", model),
        streamed: model.is_multiple_of(2),
        request_bytes: 100,
        reserved: Reserved::default(),
    }
}

pub(crate) fn finished(
    context: RequestContext,
    state: RequestState,
    tokens: u64,
    cost: i64,
) -> RequestFinished {
    let stated = state != RequestState::Failed;
    RequestFinished {
        state,
        http_status: Some(if stated { 200 } else { 529 }),
        error_type: (!stated).then(|| "overloaded_error".to_owned()),
        error_code: None,
        finish_reason: None,
        tool_calls: vec!["search".into(), "nul\0".into()],
        served_model: None,
        provider_request_id: None,
        response_id: None,
        usage_source: if stated {
            UsageSource::Provider
        } else {
            UsageSource::None
        },
        usage_injected: false,
        usage: Usage {
            tokens: Tokens {
                input: tokens,
                output: tokens / 3,
                cache_read: tokens / 2,
                ..Tokens::default()
            },
            ..Usage::default()
        },
        raw_usage: Some(r#"{"text":"\u0000"}"#.into()),
        cost: (cost % 7 != 0).then_some(Nanos(cost)),
        price_version: None,
        other_price_versions: Vec::new(),
        latency_us: Some(tokens * 10 + 1),
        ttfb_us: Some(tokens + 1),
        response_bytes: 10,
        finished_at: OffsetDateTime::now_utc(),
        context,
    }
}

pub(crate) fn append(spool: &Spool, event: &Event) {
    spool.append(&serde_json::to_vec(event).expect("serialises"), false);
}

pub(crate) fn start(context: &RequestContext, boot: BootId) -> Event {
    Event::RequestStarted(Box::new(RequestStarted {
        context: context.clone(),
        boot,
    }))
}

pub(crate) fn end(event: RequestFinished) -> Event {
    Event::RequestFinished(Box::new(event))
}

pub(crate) async fn count(db: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(db)
        .await
        .expect("the query runs")
}

pub(crate) async fn assert_exact(db: &TestDb) {
    let Checked {
        differences,
        left_out,
        ..
    } = check(db.pool()).await.expect("the check runs");
    assert_eq!(left_out, [], "every day has its detail");
    let shown: Vec<_> = differences
        .iter()
        .take(3)
        .map(ToString::to_string)
        .collect();
    assert!(
        shown.is_empty(),
        "{} differences, for one {shown:#?}",
        differences.len()
    );
    assert_sound(db).await;
}

/// One request of a random history: what it is, and in which batch its start
/// and its end arrive.
type Step = (u32, (u8, u8, u8), u8, u64, i64, bool);

fn histories() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0_u32..300_000,
        (0_u8..4, 0_u8..3, 0_u8..4),
        0_u8..7,
        0_u64..100_000,
        0_i64..5_000_000,
        any::<bool>(),
    );
    prop::collection::vec(step, 1..120)
}

#[tokio::test]
async fn rollups_are_the_sum_of_the_rows_for_random_histories() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let history = histories()
            .new_tree(&mut runner)
            .expect("a history")
            .current();
        let db = TestDb::new().await;
        let dir = tempfile::tempdir().expect("a folder");
        let spool = spool(dir.path());
        let boot = BootId::new();
        let mut writer = writer(&db, &spool, boot).await;
        let mut later = Vec::new();
        for (n, (age, (model, agent, user), state, tokens, cost, split)) in
            history.iter().enumerate()
        {
            let context = context(*age, *model, *agent, *user);
            append(&spool, &start(&context, boot));
            let state = RequestState::ALL[usize::from(*state)];
            let event = end(finished(context, state, *tokens, *cost));
            if *split {
                later.push(event);
            } else {
                append(&spool, &event);
            }
            if n % 40 == 17 {
                spool.flush().await;
                writer.drain().await.expect("drains");
            }
        }
        spool.flush().await;
        writer.drain().await.expect("drains");
        let open = i64::try_from(later.len()).expect("few");
        assert_eq!(
            count(db.pool(), "select count(*) from open_requests").await,
            open
        );
        for event in &later {
            append(&spool, event);
        }
        spool.flush().await;
        writer.drain().await.expect("drains");

        let total = i64::try_from(history.len()).expect("few");
        assert_eq!(
            count(db.pool(), "select count(*) from ai_requests").await,
            total
        );
        assert_eq!(
            count(db.pool(), "select count(*) from open_requests").await,
            0
        );
        assert_eq!(
            count(db.pool(), "select count(*) from dead_letters").await,
            0
        );
        assert_eq!(
            count(db.pool(), "select count(*) from audit_events").await,
            2 * total
        );
        assert_exact(&db).await;
    }
}

#[tokio::test]
async fn the_same_end_twice_counts_once() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let event = end(finished(
        context(60, 1, 1, 1),
        RequestState::Completed,
        1_000,
        5,
    ));
    append(&spool, &event);
    spool.flush().await;
    writer.drain().await.expect("drains");
    append(&spool, &event);
    append(&spool, &event);
    spool.flush().await;
    writer.drain().await.expect("drains");
    assert_eq!(
        count(db.pool(), "select count(*) from ai_requests").await,
        1
    );
    assert_eq!(
        count(
            db.pool(),
            "select count(*) from audit_events where event = 'request_completed'"
        )
        .await,
        1
    );
    assert_exact(&db).await;
}

#[tokio::test]
async fn the_same_end_twice_in_one_batch_counts_once() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let event = end(finished(
        context(60, 1, 1, 1),
        RequestState::Completed,
        1_000,
        5,
    ));
    append(&spool, &event);
    append(&spool, &event);
    spool.flush().await;
    writer.drain().await.expect("drains");
    let total = "select sum(requests)::bigint from usage_day where cube = 'total'";
    assert_eq!(count(db.pool(), total).await, 1);
    assert_exact(&db).await;
}

/// PostgreSQL has no NUL. Names that differ in nothing else are one name, in
/// one batch as well as in two.
#[tokio::test]
async fn names_that_the_database_cannot_tell_apart_are_one() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    for name in ["odd\0", "odd\u{fffd}"] {
        let mut context = context(60, 1, 0, 0);
        context.agent = Some(name.into());
        context.conversation_id = Some(name.into());
        let mut event = finished(context, RequestState::Failed, 0, 5);
        event.error_code = Some(name.into());
        append(&spool, &end(event));
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    for one in [
        "select count(*) from conversations where requests = 2",
        "select count(*) from usage_day where cube = 'agent' and requests = 2",
        "select count(*) from errors_hour where n = 2",
    ] {
        assert_eq!(count(db.pool(), one).await, 1, "{one}");
    }
    assert_exact(&db).await;
}

#[tokio::test]
async fn what_the_database_refuses_becomes_a_dead_letter_and_the_rest_is_stored() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    // Two of these are more than a sum can hold; nothing else shares their day.
    let huge = |user| {
        let mut event = finished(context(200_000, 1, 1, user), RequestState::Completed, 0, 5);
        event.usage.tokens.input = u64::try_from(i64::MAX - 10).expect("fits");
        event.raw_usage = Some(r#"{"a": "\ud800", "b": 1e999999}"#.into());
        end(event)
    };
    append(&spool, &huge(2));
    spool.flush().await;
    writer.drain().await.expect("drains");
    for n in 0..50_u64 {
        match n {
            20 => _ = spool.append(b"{\"request_finished\": \"no such thing\"}", false),
            30 => append(&spool, &huge(3)),
            _ => append(
                &spool,
                &end(finished(
                    context(60, 1, 1, 1),
                    RequestState::Completed,
                    n,
                    5,
                )),
            ),
        }
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    let stored = count(db.pool(), "select count(*) from ai_requests").await;
    let dead = count(db.pool(), "select count(*) from dead_letters").await;
    assert_eq!(
        (stored, dead),
        (49, 2),
        "one is no event, one overflows the sum"
    );
    assert_exact(&db).await;
}

#[tokio::test]
async fn an_earlier_runs_open_requests_are_lost_and_this_runs_are_not() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let before = BootId::new();
    {
        let spool = spool(dir.path());
        let mut writer = writer(&db, &spool, before).await;
        for _ in 0..3 {
            append(&spool, &start(&context(30, 1, 1, 1), before));
        }
        spool.flush().await;
        writer.drain().await.expect("drains");
    }
    let spool = spool(dir.path());
    let now = BootId::new();
    append(&spool, &start(&context(0, 1, 1, 1), now));
    spool.flush().await;
    let mut writer = writer(&db, &spool, now).await;
    writer.drain().await.expect("drains");
    assert_eq!(writer.settle_lost().await.expect("settles"), 3);
    assert_eq!(writer.settle_lost().await.expect("settles"), 0);
    assert_eq!(
        count(
            db.pool(),
            "select count(*) from ai_requests where state = 'lost'"
        )
        .await,
        3
    );
    assert_eq!(
        count(db.pool(), "select count(*) from open_requests").await,
        1
    );
    assert_exact(&db).await;
}
