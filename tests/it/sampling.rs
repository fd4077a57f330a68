//! Sampling thins detail, never truth: the same requests stored in full and at a
//! tenth are told apart by their rows alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_config::Alert;
use systemprompt_domain::event::{RequestContext, RequestFinished, RequestStarted, Reserved};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{
    Api, Clock, Event, Nanos, RequestId, RequestState, Sampling, SpanId, Tokens, TraceId, Usage,
    UsageSource,
};
use systemprompt_reporting::{Answer, Ctx, Error, QUERIES, Scope, Settings, find};
use systemprompt_storage::Writer;
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{NoContext, Timestamp, Uuid};

const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);
const TRACES: u64 = 1_000;
const TENTH: f64 = 0.1;

/// What is stored, and how it is asked about.
struct Stored {
    db: TestDb,
    ctx: Ctx,
}

impl Stored {
    async fn at(rate: f64, events: &[Event]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = TestDb::new().await;
        let sampling = Sampling::new(rate);
        let (pool, spool) = (db.pool().clone(), spool(dir.path()));
        let clock = Clock::Fixed(NOW);
        let starting = Writer::start(pool.clone(), spool.clone(), clock, BOOT, sampling, false);
        let alerts: Vec<Alert> = serde_json::from_str(ALERTS).unwrap();
        let rules = Arc::new(Rules::new(&alerts));
        let mut writer = starting.await.unwrap().with_rules(rules);
        for event in events {
            spool.append(&serde_json::to_vec(event).unwrap(), false);
        }
        spool.flush().await;
        writer.drain().await.unwrap();
        let settings = Settings {
            sampling,
            ..Settings::default()
        };
        let ctx = Ctx {
            pool,
            settings: Arc::new(settings),
            scope: Scope::everything(),
            clock,
        };
        Self { db, ctx }
    }

    async fn ask(&self, path: &[&str], query: &str) -> Result<Answer<Value>, Error> {
        let entry = find(path).unwrap();
        entry.run(&self.ctx, entry.decode(query)?).await
    }

    /// Everything in a table, without the columns that name the spool or the
    /// order in which rows came.
    async fn table(&self, table: &str) -> Value {
        // Ids of audit events are made when they are recorded.
        let own = if table == "audit_trail" {
            "id"
        } else {
            "spool_id"
        };
        let sql = format!(
            "select coalesce(jsonb_agg(row order by row), '[]') \
             from (select to_jsonb(t) - 'seq' - '{own}' as row from {table} t) as rows"
        );
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        rows.fetch_one(self.db.pool()).await.unwrap()
    }

    /// How many rows each trace has.
    async fn traces(&self) -> BTreeMap<Uuid, i64> {
        let rows = sqlx::query_as("select trace_id, count(*) from ai_requests group by trace_id");
        let rows: Vec<(Uuid, i64)> = rows.fetch_all(self.db.pool()).await.unwrap();
        rows.into_iter().collect()
    }
}

const BOOT: BootId = BootId(Uuid::from_u128(1));

fn spool(dir: &Path) -> Spool {
    Spool::open(SpoolOptions {
        dir: dir.to_owned(),
        lane: "gateway",
        cap: 64 << 20,
        segment: 1 << 20,
        keep: Duration::from_secs(3600),
    })
    .unwrap()
}

/// A number that looks random and is always the same.
fn noise(n: u64) -> u64 {
    let n = (n ^ 0x5851_f42d_4c95_7f2d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

/// Traces of one to three requests over twenty days: every state, known and
/// unknown names, starts without an end, ends that come twice.
fn history() -> Vec<Event> {
    let mut events = Vec::new();
    for trace in 0..TRACES {
        let id = u128::from(noise(trace)) << 64 | u128::from(noise(trace + TRACES));
        for request in 0..=trace % 3 {
            let n = 10 * trace + request;
            let context = context(n, TraceId(Uuid::from_u128(id)));
            events.push(Event::RequestStarted(Box::new(RequestStarted {
                context: context.clone(),
                boot: BOOT,
            })));
            let end = Event::RequestFinished(Box::new(finished(n, context)));
            match n % 17 {
                0 => {}
                1 => events.extend([end.clone(), end]),
                _ => events.push(end),
            }
        }
    }
    events
}

fn context(n: u64, trace_id: TraceId) -> RequestContext {
    let ago = Duration::from_secs(noise(n) % (20 * 86_400));
    let at = NOW - ago;
    let unix = at.unix_timestamp().cast_unsigned();
    let id = RequestId(Uuid::new_v7(Timestamp::from_unix(NoContext, unix, 0)));
    let name = |kind: &str, of: u64| {
        let number = noise(n + of) % of;
        (number > 0).then(|| format!("{kind}-{number}"))
    };
    RequestContext {
        id,
        created_at: id.created_at().unwrap(),
        trace_id,
        span_id: SpanId(n),
        parent_span_id: None,
        user: name("user", 4),
        agent: name("agent", 3),
        token: None,
        session_id: None,
        conversation_id: name("conversation", 50),
        conversation_derived: false,
        provider: format!("provider-{}", n % 2),
        api: Api::Messages,
        requested_model: name("model", 5),
        streamed: n.is_multiple_of(2),
        request_bytes: 100,
        reserved: Reserved::default(),
    }
}

fn finished(n: u64, context: RequestContext) -> RequestFinished {
    let state = RequestState::ALL[(noise(n) % 7) as usize];
    let tokens = noise(n) % 50_000;
    RequestFinished {
        state,
        http_status: Some(if state == RequestState::Completed {
            200
        } else {
            529
        }),
        error_type: (state != RequestState::Completed).then(|| "overloaded_error".to_owned()),
        error_code: None,
        finish_reason: None,
        tool_calls: Vec::new(),
        served_model: None,
        provider_request_id: None,
        response_id: None,
        usage_source: UsageSource::Provider,
        usage_injected: false,
        usage: Usage {
            tokens: Tokens {
                input: tokens,
                output: tokens / 3,
                ..Tokens::default()
            },
            ..Usage::default()
        },
        raw_usage: None,
        cost: (!n.is_multiple_of(5)).then(|| Nanos((tokens * 7_001).cast_signed())),
        price_version: None,
        other_price_versions: Vec::new(),
        latency_us: Some(tokens * 10 + 1),
        ttfb_us: Some(tokens + 1),
        response_bytes: 10,
        finished_at: context.created_at + Duration::from_micros(tokens * 10 + 1),
        context,
    }
}

/// Periods that begin and end on edges and off them, by user and in zones whose
/// days begin elsewhere.
const ASKED: [&str; 11] = [
    "",
    "since=7d",
    "since=30d",
    "since=100m&until=35m",
    "since=2026-11-09T03:17:00Z&until=2026-11-24T22:41:00Z",
    "since=30d&timezone=Asia/Kolkata",
    "since=5d&timezone=Asia/Kolkata&group_by=day",
    "since=30d&user=user-1",
    "since=7d&user=user-2&agent=agent-1",
    "since=30d&by=user",
    "since=30d&model=model-3&limit=3",
];

/// Budgets of every period and scope, in a zone whose days begin in between.
const ALERTS: &str = r#"[
    {"type": "hourly_cost", "threshold": "0.01", "action": "email", "timezone": "Asia/Kolkata"},
    {"type": "daily_cost", "threshold": "0.5", "action": "pause_requests", "scope": {"agent": "agent-1"}},
    {"type": "weekly_cost", "threshold": "1", "action": "slack", "scope": {"user": "user-1"}},
    {"type": "monthly_cost", "threshold": "1000", "action": "email", "scope": {"model": "model-3"},
     "timezone": "Asia/Kolkata", "notify_at": ["0.001", "1"]}]"#;

#[tokio::test]
async fn sampling_thins_detail_and_nothing_else() {
    let events = history();
    let whole = Stored::at(1.0, &events).await;
    let tenth = Stored::at(TENTH, &events).await;

    let mut answered = 0;
    // What shows one of something also tells of its rows.
    let from_rows = |path: &[&str]| {
        matches!(path, ["requests" | "traces", "list"]) || path.ends_with(&["show"])
    };
    for entry in QUERIES.iter().filter(|entry| !from_rows(entry.path)) {
        for query in ASKED.iter().filter(|query| entry.decode(query).is_ok()) {
            let [a, b] = [
                whole.ask(entry.path, query).await,
                tenth.ask(entry.path, query).await,
            ];
            let label = format!("{:?} {query}", entry.path);
            // What cannot be told so finely is refused alike.
            let (a, b) = match (a, b) {
                (Err(Error::Usage(a)), Err(Error::Usage(b))) => {
                    assert_eq!(a, b, "{label}");
                    continue;
                }
                (a, b) => (a.unwrap(), b.unwrap()),
            };
            assert_eq!(
                serde_json::to_value(&a).unwrap(),
                serde_json::to_value(&b).unwrap(),
                "{label}"
            );
            answered += usize::from(!a.rows.is_empty());
        }
    }
    assert!(answered > 50, "only {answered} answers had rows");
    for table in [
        "usage",
        "latency",
        "errors",
        "conversations",
        "traces",
        "open_requests",
        "audit_trail",
        "dead_letters",
        "budget_periods",
        "alert_events",
    ] {
        assert_eq!(
            whole.table(table).await,
            tenth.table(table).await,
            "{table}"
        );
    }

    let (all, kept) = (whole.traces().await, tenth.traces().await);
    let sampling = Sampling::new(TENTH);
    let expected: BTreeMap<_, _> = all
        .iter()
        .filter(|(trace, _)| sampling.keeps(TraceId(**trace)))
        .map(|(trace, rows)| (*trace, *rows))
        .collect();
    assert_eq!(kept, expected, "whole traces");
    let rows = |traces: &BTreeMap<_, i64>| traces.values().sum::<i64>() as f64;
    let share = rows(&kept) / rows(&all);
    assert!(
        (0.07..0.13).contains(&share),
        "{share} of the rows are kept"
    );
}

#[tokio::test]
async fn answers_from_rows_say_that_they_are_a_sample() {
    let events = history();
    let tenth = Stored::at(TENTH, &events).await;
    let list = tenth
        .ask(
            &["requests", "list"],
            "since=30d&limit=10000&state=completed",
        )
        .await;
    let list = list.unwrap();
    assert_eq!(list.sampled, Some(TENTH));
    assert_eq!(serde_json::to_value(&list).unwrap()["sampled"], TENTH);
    assert!(!list.rows.is_empty());
    let left_out = events.iter().find_map(|event| match event {
        Event::RequestFinished(end) if !Sampling::new(TENTH).keeps(end.context.trace_id) => {
            Some(end.context.id)
        }
        _ => None,
    });
    let left_out = left_out.unwrap();
    let missing = tenth
        .ask(&["requests", "show"], &format!("id={left_out}"))
        .await;
    match missing {
        Err(Error::NotFound(message)) => assert_eq!(
            message,
            format!(
                "no request has the id {left_out}; detail is sampled at 10 %, the rest is only counted"
            )
        ),
        other => panic!("{other:?}"),
    }
}
