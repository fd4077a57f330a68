//! People: the log names nobody, and can forget who was meant.

use sqlx::PgPool;
use systemprompt_domain::RequestState;
use systemprompt_domain::ids::BootId;
use systemprompt_storage::audit::{Verdict, erase};
use systemprompt_storage::users::{self, NewUser, Role, UserName};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;

use super::{assert_sound, judge, names, record};
use crate::writer::{append, assert_exact, context, end, finished, spool, writer};

const ALICE: &str = "alice@example.com";

/// Tables with a row that holds this text.
async fn holding(db: &PgPool, text: &str) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
         and relkind in ('r', 'p') and not relispartition order by relname",
    )
    .fetch_all(db)
    .await
    .expect("listed");
    let mut holding = Vec::new();
    for table in tables {
        let sql =
            format!("select exists (select from {table} t where t::text like '%' || $1 || '%')");
        let holds = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(text)
            .fetch_one(db);
        if holds.await.expect("read") {
            holding.push(table);
        }
    }
    holding
}

#[tokio::test]
async fn whoever_is_erased_is_named_nowhere_and_the_log_is_sound() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let now = OffsetDateTime::now_utc();
    let name: UserName = ALICE.parse().expect("a name");
    let new = NewUser {
        name: &name,
        role: Role::Admin,
        password_hash: None,
    };
    users::create(db.pool(), new, "cli", now)
        .await
        .expect("made");
    users::invite(db.pool(), &name, "cli", now)
        .await
        .expect("invited");
    for n in 0..20_u32 {
        let mut context = context(n * 50_000, 1, 1, 1);
        context.user = Some(if n % 2 == 0 { ALICE } else { "bob" }.to_owned());
        let state = if n % 4 == 0 {
            RequestState::Failed
        } else {
            RequestState::Completed
        };
        append(&spool, &end(finished(context, state, 10, 5)));
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    record(db.pool(), "scout", ALICE).await;

    let before = holding(db.pool(), ALICE).await;
    for table in [
        "ai_requests",
        "audit_people",
        "errors_hour",
        "usage_day",
        "users",
    ] {
        assert!(before.iter().any(|held| held == table), "{before:?}");
    }
    // The log itself never named her.
    assert!(
        before.iter().all(|table| table != "audit_events"),
        "{before:?}"
    );
    let trail = "select count(*) from audit_trail where user_id = $1 or detail ->> 'user' = $1";
    let named = async |name: &str| -> i64 {
        let named = sqlx::query_scalar(trail).bind(name);
        named.fetch_one(db.pool()).await.expect("counted")
    };
    let events = named(ALICE).await;
    assert_eq!(events, 14, "10 requests, 3 of the user, 1 by them");

    let erased = erase(db.pool(), ALICE, "cli", now).await.expect("erased");
    let erased = erased.expect("she was there");
    assert_eq!(erased.name, "erased-1");
    assert_eq!(holding(db.pool(), ALICE).await, [""; 0]);
    assert_eq!(named(&erased.name).await, events);
    assert_eq!(named("bob").await, 10);
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
