//! People: the log names nobody, and can forget who was meant.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_budgets::Rules;
use systemprompt_capture::Spool;
use systemprompt_config::Missed;
use systemprompt_domain::activity::{Activity, Category};
use systemprompt_domain::event::RequestContext;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::period::{Interval, Zone};
use systemprompt_domain::reported::{Reported, Source, Stamp};
use systemprompt_domain::tool::ToolStatus;
use systemprompt_domain::{Clock, Event, RequestState, TokenKind, ToolCalled, Usage};
use systemprompt_storage::audit::{Verdict, erase};
use systemprompt_storage::events::Events;
use systemprompt_storage::imported::{self, ImportedUsage};
use systemprompt_storage::jobs::{Plan, claim_by_hand};
use systemprompt_storage::tokens::{self, NewToken};
use systemprompt_storage::users::{self, Client, NewUser, Password, Policy, Role, UserName};
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::events::tool_called;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{assert_sound, judge, names, record};
use crate::writer::{append, assert_exact, context, end, finished, spool, start, writer};

const ALICE: &str = "alice@example.com";

/// Columns with a value that holds this text, as in `ai_requests.user_id`: in whatever
/// type, and in bytes that spell it.
async fn holding(db: &PgPool, text: &str) -> BTreeSet<String> {
    let mut holding = BTreeSet::new();
    for (table, column) in columns(db).await {
        let sql = format!(
            "select exists (select from {table} where strpos({column}::text, $1) > 0 \
             or strpos({column}::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0)"
        );
        let holds = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(text)
            .fetch_one(db);
        if holds.await.expect("read") {
            holding.insert(format!("{table}.{column}"));
        }
    }
    holding
}

/// Every column of every table.
async fn columns(db: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "select relname::text, quote_ident(attname) from pg_class \
         join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped \
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') \
         and not relispartition order by relname, attnum",
    )
    .fetch_all(db)
    .await
    .expect("listed")
}

/// Columns that are made for the names of people and hold none: those of rollups that
/// leave users out, and that of the log, which has pseudonyms.
const NAMELESS: [&str; 6] = [
    "activity_hour.user_id",
    "audit_events.user_id",
    "errors_day.user_id",
    "login_failures.account",
    "tool_hour.user_id",
    "usage_hour.user_id",
];

/// Does whatever leaves a person's name.
async fn do_everything(db: &TestDb, spool: &Spool) {
    let (pool, now) = (db.pool(), OffsetDateTime::now_utc());
    let name: UserName = ALICE.parse().expect("a name");
    let password = Password::new("correct horse battery".to_owned(), &name).expect("a password");
    let hash = password.hash();
    let new = NewUser {
        name: &name,
        role: Role::Admin,
        password_hash: Some(&hash),
    };
    users::create(pool, new, "cli", now).await.expect("made");
    users::invite(pool, &name, "cli", now)
        .await
        .expect("invited");
    let client = Client {
        user: &name,
        password_hash: &hash,
        network: "192.0.2.0/24",
        user_agent: None,
        before: None,
    };
    let policy = Policy {
        idle: Duration::from_secs(60),
        lifetime: Duration::from_secs(60),
    };
    let session = users::begin(pool, client, policy, now).await;
    assert!(session.expect("an answer").is_some());
    let token = NewToken {
        kind: TokenKind::Read,
        name: "of a test",
        user: Some(ALICE),
        agent: None,
        expires_at: None,
    };
    tokens::create(pool, token, Some("cli"), now)
        .await
        .expect("issued");
    jobs_run_by(pool, ALICE).await;
    imported_for(pool, ALICE, now).await;

    let boot = BootId::new();
    let mut writer = writer(db, spool, boot).await;
    for n in 0..20_u32 {
        let mut context = context(n * 50_000, 1, 1, 1);
        context.user = Some(if n % 2 == 0 { ALICE } else { "bob" }.to_owned());
        let mut call = tool_call(&context);
        let state = if n % 4 == 0 {
            call.status = ToolStatus::Timeout;
            RequestState::Failed
        } else {
            RequestState::Completed
        };
        append(spool, &Event::ToolCalled(Box::new(call)));
        append(spool, &end(finished(context, state, 10, 5)));
    }
    let mut open = context(0, 1, 1, 1);
    open.user = Some(ALICE.to_owned());
    append(spool, &start(&open, boot));
    spool.append(
        &[b"\xff\0\\ {\"user\":\"", ALICE.as_bytes(), b"\"}"].concat(),
        false,
    );
    spool.flush().await;
    writer.drain().await.expect("drains");

    let activity = Reported::Activity(Activity {
        source: Source {
            stamp: Stamp::of(None, now),
            user: Some(ALICE.to_owned()),
            agent: None,
            token: None,
            trace_id: None,
        },
        category: Category::Prompt,
        action: "created".parse().expect("a word"),
        entity_type: None,
        entity_name: None,
        session_id: None,
        metadata: None,
    });
    let events = Events::new(pool.clone(), Clock::System);
    events.store(&[&activity]).await.expect("stored");
    record(pool, "scout", ALICE).await;
}

fn tool_call(of: &RequestContext) -> ToolCalled {
    ToolCalled {
        user: of.user.clone(),
        agent: of.agent.clone(),
        ..tool_called(Uuid::now_v7(), of.created_at, of.trace_id)
    }
}

/// Runs a job by hand.
async fn imported_for(db: &PgPool, who: &str, now: OffsetDateTime) {
    let usage = ImportedUsage {
        id: Uuid::now_v7(),
        source: "openai",
        period: Interval {
            since: now - time::Duration::hours(3),
            until: now - time::Duration::hours(2),
        },
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        agent: None,
        user: Some(who.to_owned()),
        requests: Some(3),
        prompt: 7,
        usage: Usage::default(),
        cost: None,
        price_version: None,
    };
    let stored = imported::store(db, &Rules::new(&[]), &[usage], "cli", now).await;
    assert_eq!(stored.expect("it is stored").len(), 1);
}

async fn jobs_run_by(db: &PgPool, who: &str) {
    let plan = Plan {
        name: "tidy",
        schedule: "0 0 * * * *".parse().expect("a schedule"),
        zone: Zone::default(),
        enabled: true,
        missed: Missed::Skip,
        attempts: 1,
        lease: Duration::from_secs(60),
    };
    claim_by_hand(db, &plan, None, Uuid::now_v7(), who)
        .await
        .expect("it runs");
}

#[tokio::test]
async fn whoever_is_erased_is_named_nowhere_and_the_log_is_sound() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    do_everything(&db, &spool).await;

    let before = holding(db.pool(), ALICE).await;
    // Where names can be, hers is: else nothing below would be shown.
    let mut made_for_names: BTreeSet<String> = columns(db.pool())
        .await
        .into_iter()
        .filter(|(_, column)| {
            matches!(
                &**column,
                "user_id" | "user_name" | "by_name" | "account" | "users"
            )
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    for nameless in NAMELESS {
        assert!(made_for_names.remove(nameless), "{nameless}");
        assert!(!before.contains(nameless), "{nameless}");
    }
    let elsewhere = [
        "audit_people.name",
        "dead_letters.payload",
        "job_runs.by_name",
        "open_requests.context",
        "users.name",
    ];
    made_for_names.extend(elsewhere.map(str::to_owned));
    assert_eq!(before, made_for_names);

    let trail = "select count(*) from audit_trail where user_id = $1 or detail ->> 'user' = $1";
    let named = async |name: &str| -> i64 {
        let named = sqlx::query_scalar(trail).bind(name);
        named.fetch_one(db.pool()).await.expect("counted")
    };
    let (events, of_bob) = (named(ALICE).await, named("bob").await);
    assert!(events > 20 && of_bob == 20, "{events}, {of_bob}");

    let now = OffsetDateTime::now_utc();
    let erased = erase(db.pool(), ALICE, "cli", now).await.expect("erased");
    let erased = erased.expect("she was there");
    assert_eq!(erased.name, "erased-1");
    assert_eq!(holding(db.pool(), ALICE).await, BTreeSet::new());
    // Nothing else was touched.
    let letter: Vec<u8> = sqlx::query_scalar("select payload from dead_letters")
        .fetch_one(db.pool())
        .await
        .expect("it is there");
    assert_eq!(letter, b"\xff\0\\ {\"user\":\"erased-1\"}");
    assert_eq!(
        (named(&erased.name).await, named("bob").await),
        (events, 20)
    );
    // Log, rows and totals.
    assert_exact(&db).await;
    let again = erase(db.pool(), ALICE, "cli", now).await.expect("succeeds");
    assert_eq!(again, None);

    // Who comes back is somebody else.
    record(db.pool(), "writer", ALICE).await;
    assert_eq!((named(ALICE).await, named(&erased.name).await), (1, events));
    assert_sound(&db).await;
}

#[tokio::test]
async fn pseudonyms_cannot_be_given_to_others() {
    let db = TestDb::new().await;
    record(db.pool(), "scout", "ada").await;
    record(db.pool(), "writer", "bob").await;
    for harm in [
        "update audit_people set name = 'mallory' where name = 'ada'",
        "update audit_people set name = name || '?'",
        "update audit_people set salt = null where name = 'ada'",
        "update audit_people set salt = null, name = 'erased-1' where name = 'ada'",
    ] {
        let mut tx = db.pool().begin().await.expect("begins");
        sqlx::raw_sql(harm).execute(&mut *tx).await.expect("harmed");
        let options = systemprompt_storage::audit::Options::default();
        let keys = db.audit_keys();
        let verdict = systemprompt_storage::audit::verify_in(&mut tx, &keys, options, |_, _| {});
        let Verdict::Unsound(faults) = verdict.await.expect("verified") else {
            panic!("{harm} is not seen");
        };
        assert_eq!(names(&faults)[0], "person_differs", "{harm}");
        tx.rollback().await.expect("rolled back");
    }
    assert!(matches!(judge(&db).await, Verdict::Sound { .. }));
}
