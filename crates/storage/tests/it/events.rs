//! Reported events: each is stored and counted once, however often and late it
//! is sent.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use systemprompt_domain::activity::{Activity, Category};
use systemprompt_domain::reported::{
    AuditEvent, AuditReport, EARLY, LATE, Reported, Source, Stamp,
};
use systemprompt_domain::{Clock, EventId, TraceId};
use systemprompt_storage::events::{Events, Outcome};
use systemprompt_testkit::db::TestDb;
use time::{Duration, OffsetDateTime};
use uuid::{NoContext, Timestamp, Uuid};

use crate::writer::{assert_exact, count};
use Outcome::{Duplicate, Stored};

fn id(at: OffsetDateTime) -> EventId {
    let unix = u64::try_from(at.unix_timestamp()).expect("after 1970");
    let at = Timestamp::from_unix(NoContext, unix, at.nanosecond());
    EventId(Uuid::new_v7(at))
}

fn store(db: &TestDb, now: OffsetDateTime) -> Events {
    Events::new(db.pool().clone(), Clock::Fixed(now))
}

/// An id of version 4.
fn timeless() -> EventId {
    EventId(uuid::Builder::from_random_bytes(rand::random()).into_uuid())
}

fn source(id: EventId, now: OffsetDateTime) -> Source {
    Source {
        stamp: Stamp::of(Some(id), now),
        user: Some("ada".to_owned()),
        agent: None,
        token: Some("portal".to_owned()),
        trace_id: None,
    }
}

fn activity(id: EventId, now: OffsetDateTime) -> Reported {
    Reported::Activity(Activity {
        source: source(id, now),
        category: Category::MarketplaceEdit,
        action: "updated".parse().expect("a word"),
        entity_type: Some("skill".parse().expect("a word")),
        entity_name: Some("summarise".to_owned()),
        session_id: None,
        metadata: Some(r#"{"fields":["title"]}"#.to_owned()),
    })
}

fn audit(id: EventId, now: OffsetDateTime) -> Reported {
    Reported::Audit(AuditReport {
        source: source(id, now),
        event: AuditEvent::ToolExecuted,
        detail: Some(r#"{"tool":"search"}"#.to_owned()),
    })
}

async fn sent(store: &Events, events: &[Reported]) -> Vec<Outcome> {
    let events: Vec<_> = events.iter().collect();
    store.store(&events).await.expect("the database takes them")
}

const ROWS: &str = "select count(*) from user_activity";
const COUNTED: &str = "select sum(events)::bigint from activity_day where cube = 'category'";
const AUDITED: &str = "select count(*) from audit_events where event = 'tool_executed'";

/// Ids in time, just in time, without a time, and long past.
fn ids(now: OffsetDateTime) -> [EventId; 4] {
    [
        id(now),
        id(now - LATE + Duration::SECOND),
        timeless(),
        id(now - LATE * 9),
    ]
}

type Make = fn(EventId, OffsetDateTime) -> Reported;

#[tokio::test]
async fn each_event_counts_once() {
    let db = TestDb::new().await;
    let now = OffsetDateTime::now_utc();
    let store = store(&db, now);
    for make in [activity as Make, audit] {
        let events = ids(now).map(|id| make(id, now));
        let twice = [&events[..], &events[..]].concat();
        assert_eq!(
            sent(&store, &twice).await,
            [[Stored; 4], [Duplicate; 4]].concat(),
            "twice in a batch"
        );
        assert_eq!(sent(&store, &events).await, [Duplicate; 4], "another batch");
    }
    for sql in [ROWS, COUNTED, AUDITED] {
        assert_eq!(count(db.pool(), sql).await, 4, "{sql}");
    }
    assert_exact(&db).await;
}

/// Whether the time in an id is believed depends on when it comes.
#[tokio::test]
async fn a_repeat_is_known_at_another_time() {
    let db = TestDb::new().await;
    let now = OffsetDateTime::now_utc();
    for make in [activity as Make, audit] {
        let [in_time, late, timeless, past] = ids(now);
        let ahead = id(now + EARLY * 2);
        let all = [in_time, late, timeless, past, ahead];
        let at = |later: Duration| {
            let now = now + later;
            (store(&db, now), all.map(|id| make(id, now)))
        };
        let (first, events) = at(Duration::ZERO);
        assert_eq!(sent(&first, &events).await, [Stored; 5]);
        for later in [EARLY * 2, LATE - Duration::HOUR, LATE + Duration::HOUR] {
            let (again, events) = at(later);
            assert_eq!(sent(&again, &events).await, [Duplicate; 5], "{later} later");
        }
        // Long after, what has its time in its id is still known.
        let (again, events) = at(LATE * 3);
        assert_eq!(sent(&again, &events[..2]).await, [Duplicate; 2]);
    }
    assert_exact(&db).await;
}

/// Two servers get the same batch at the same moment, in different order.
#[tokio::test]
async fn servers_agree_on_who_was_first() {
    let db = TestDb::new().await;
    let now = OffsetDateTime::now_utc();
    for make in [activity as Make, audit] {
        let ids = [ids(now), ids(now), ids(now)].concat();
        let events: Vec<_> = ids.iter().map(|id| make(*id, now)).collect();
        let turned: Vec<_> = events.iter().rev().cloned().collect();
        let (one, other) = (store(&db, now), store(&db, now + Duration::SECOND));
        let (one, other) = tokio::join!(sent(&one, &events), sent(&other, &turned));
        let stored = |outcomes: &[Outcome]| outcomes.iter().filter(|o| **o == Stored).count();
        assert_eq!(stored(&one) + stored(&other), events.len());
        for (one, other) in one.iter().zip(other.iter().rev()) {
            assert_ne!(one, other, "one of them stored it");
        }
    }
    assert_exact(&db).await;
}

#[tokio::test]
async fn a_report_keeps_who_said_what_of_whom() {
    let db = TestDb::new().await;
    let now = OffsetDateTime::now_utc();
    let reported = audit(id(now), now);
    sent(&store(&db, now), std::slice::from_ref(&reported)).await;
    let matching: i64 = sqlx::query_scalar(
        "select count(*) from audit_trail where category = 'mcp_tools' and user_id = 'ada' \
         and token = 'portal' and subject_id = $1 and detail ->> 'tool' = 'search' and agent is null",
    )
    .bind(reported.source().stamp.id.0)
    .fetch_one(db.pool())
    .await
    .expect("a count");
    assert_eq!(matching, 1);
}

/// What is drawn: age in seconds, then small numbers for everything else.
type Drawn = (u32, u8, u8, u8, u8, u8);

fn drawn((age, category, entity, user, agent, kind): Drawn, now: OffsetDateTime) -> Reported {
    let at = now - Duration::seconds(age.into());
    let name = |kind: &str, n: u8| (n > 0).then(|| format!("{kind} {n} 'ünï\\"));
    let id = if kind == 0 { timeless() } else { id(at) };
    let source = Source {
        stamp: Stamp::of(Some(id), now),
        user: name("user", user),
        agent: name("agent", agent),
        token: None,
        trace_id: (kind == 1).then(TraceId::new),
    };
    if kind == 2 {
        return Reported::Audit(AuditReport {
            source,
            event: AuditEvent::ALL[usize::from(category) % AuditEvent::ALL.len()],
            detail: None,
        });
    }
    let action = if user == 1 { "failed" } else { "created" };
    Reported::Activity(Activity {
        source,
        category: Category::ALL[usize::from(category)],
        action: action.parse().expect("a word"),
        entity_type: (entity > 1).then(|| "plugin".parse().expect("a word")),
        entity_name: name("entity", entity),
        session_id: None,
        metadata: None,
    })
}

#[test]
fn counts_are_the_sums_of_the_rows() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::deterministic();
    // Ten days: some come later than is believed.
    let event = (
        0_u32..10 * 86_400,
        0_u8..11,
        0_u8..4,
        0_u8..3,
        0_u8..3,
        0_u8..6,
    );
    let batches = prop::collection::vec(prop::collection::vec(event, 0..60), 1..6);
    for _ in 0..8 {
        let batches = batches.new_tree(&mut runner).expect("batches").current();
        runtime.block_on(async {
            let db = TestDb::new().await;
            let now = OffsetDateTime::now_utc();
            let store = store(&db, now);
            let mut new = 0;
            let mut all: Vec<Reported> = Vec::new();
            for batch in batches {
                let batch: Vec<_> = batch.into_iter().map(|one| drawn(one, now)).collect();
                new += batch.len();
                all.extend(batch.clone());
                // Each batch comes again with half of what came before.
                let again = [&batch[..], &all[..all.len() / 2]].concat();
                sent(&store, &batch).await;
                let outcomes = sent(&store, &again).await;
                assert!(outcomes.iter().all(|outcome| *outcome == Duplicate));
            }
            let stored = count(db.pool(), ROWS).await
                + count(db.pool(), "select count(*) from audit_events").await;
            assert_eq!(stored, new as i64);
            assert_exact(&db).await;
        });
    }
}
