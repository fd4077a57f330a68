//! Users, sessions, one-time links and the slowing down of guesses.

use std::time::Duration as StdDuration;

use sqlx::PgPool;
use systemprompt_storage::users::{
    self, Attempt, Client, Link, NewUser, Policy, Role, Secret, Session, UserName, UsersError,
};
use systemprompt_testkit::db::TestDb;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const POLICY: Policy = Policy {
    idle: StdDuration::from_secs(30 * 60),
    lifetime: StdDuration::from_secs(12 * 3600),
};
const HOME: &str = "192.0.2.0/24";

fn name(text: &str) -> UserName {
    text.parse().expect("a name")
}

async fn create(db: &PgPool, text: &str, hash: Option<&str>) {
    let name = name(text);
    let new = NewUser {
        name: &name,
        role: Role::Admin,
        password_hash: hash,
    };
    users::create(db, new, "cli", NOW).await.expect("created");
}

/// Signs in with a hash that was checked before.
async fn begin(db: &PgPool, hash: &str, before: Option<&str>) -> Option<Secret> {
    let user = name("alice");
    let client = Client {
        user: &user,
        password_hash: hash,
        network: HOME,
        user_agent: Some("<b>Browser</b>"),
        before,
    };
    users::begin(db, client, POLICY, NOW)
        .await
        .expect("the database")
}

async fn find(db: &PgPool, id: &Secret, at: OffsetDateTime) -> Option<Session> {
    users::find(db, id.expose(), POLICY, at)
        .await
        .expect("the database")
}

async fn trail(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', category, event, user_id, detail->>'user', detail->>'role', \
             detail->>'reason') from audit_trail order by seq",
    )
    .fetch_all(db)
    .await
    .expect("the trail")
}

#[tokio::test]
async fn users_are_made_once_listed_and_recorded() {
    let db = TestDb::new().await;
    let db = db.pool();
    assert!(!users::any(db).await.expect("the database"));
    create(db, "Alice", Some("hash")).await;
    create(db, "bob", None).await;
    let alice = name("alice");
    let again = NewUser {
        name: &alice,
        role: Role::Viewer,
        password_hash: None,
    };
    let taken = users::create(db, again, "cli", NOW).await;
    assert!(matches!(taken, Err(UsersError::Taken(_))), "{taken:?}");
    begin(db, "hash", None).await.expect("signed in");
    let listed = users::list(db, NOW).await.expect("users");
    let seen: Vec<_> = listed
        .iter()
        .map(|user| {
            let set = user.password_set_at.is_some();
            (user.name.as_str(), set, user.last_login_at, user.sessions)
        })
        .collect();
    assert_eq!(
        seen,
        [("alice", true, Some(NOW), 1), ("bob", false, None, 0)]
    );
    assert_eq!(
        trail(db).await,
        [
            "administration user_created cli alice",
            "authorization scope_granted cli alice admin",
            "administration user_created cli bob",
            "authorization scope_granted cli bob admin",
            "authentication login alice",
        ]
    );
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_or_old() {
    let db = TestDb::new().await;
    let db = db.pool();
    create(db, "alice", Some("hash")).await;
    let id = begin(db, "hash", None).await.expect("signed in");
    let stored: Vec<u8> = sqlx::query_scalar("select id_hash from login_sessions")
        .fetch_one(db)
        .await
        .expect("one session");
    assert_ne!(stored, id.expose().as_bytes());
    assert_eq!(stored.len(), 32);
    assert!(
        users::find(db, "nonsense", POLICY, NOW)
            .await
            .expect("the database")
            .is_none()
    );

    let minutes = |n| NOW + Duration::minutes(n);
    let session = find(db, &id, minutes(29)).await.expect("it lasts");
    assert_eq!(
        (session.user.as_str(), session.role),
        ("alice", Role::Admin)
    );
    assert!(
        find(db, &id, minutes(58)).await.is_some(),
        "it was not idle"
    );
    assert!(find(db, &id, minutes(89)).await.is_none(), "it was idle");
    // Always in use, and over all the same.
    let id = begin(db, "hash", None).await.expect("signed in");
    for minute in (0..720).step_by(20) {
        assert!(find(db, &id, minutes(minute)).await.is_some(), "{minute}");
    }
    assert!(find(db, &id, minutes(720)).await.is_none());
}

#[tokio::test]
async fn being_seen_is_written_once_a_minute() {
    let db = TestDb::new().await;
    let db = db.pool();
    create(db, "alice", Some("hash")).await;
    let id = begin(db, "hash", None).await.expect("signed in");
    for (second, seen) in [(1, 0), (59, 0), (60, 60), (119, 60), (121, 121)] {
        find(db, &id, NOW + Duration::seconds(second))
            .await
            .expect("it lasts");
        let written: OffsetDateTime = sqlx::query_scalar("select last_seen_at from login_sessions")
            .fetch_one(db)
            .await
            .expect("one session");
        assert_eq!(written, NOW + Duration::seconds(seen), "{second}");
    }
}

#[tokio::test]
async fn what_ends_sessions() {
    let db = TestDb::new().await;
    let db = db.pool();
    create(db, "alice", Some("hash")).await;
    let alice = name("alice");
    let first = begin(db, "hash", None).await.expect("signed in");
    // In the same browser again: the old id is worth nothing.
    let second = begin(db, "hash", Some(first.expose()))
        .await
        .expect("signed in");
    assert!(find(db, &first, NOW).await.is_none());
    let third = begin(db, "hash", None).await.expect("signed in");

    let session = find(db, &third, NOW).await.expect("it lasts");
    assert_eq!(
        users::of(db, "alice", POLICY, NOW)
            .await
            .expect("two")
            .len(),
        2
    );
    assert_eq!(
        users::end_others(db, &session, NOW).await.expect("ended"),
        1
    );
    assert!(find(db, &second, NOW).await.is_none());
    users::end(db, &session, NOW).await.expect("ended");
    assert!(find(db, &third, NOW).await.is_none());

    let fourth = begin(db, "hash", None).await.expect("signed in");
    users::set_password(db, &alice, "new", "cli", NOW)
        .await
        .expect("set");
    assert!(find(db, &fourth, NOW).await.is_none());
    assert!(
        begin(db, "hash", None).await.is_none(),
        "checked against the old one"
    );

    let fifth = begin(db, "new", None).await.expect("signed in");
    assert!(
        users::set_disabled(db, &alice, true, "cli", NOW)
            .await
            .expect("set")
    );
    assert!(
        !users::set_disabled(db, &alice, true, "cli", NOW)
            .await
            .expect("set")
    );
    assert!(find(db, &fifth, NOW).await.is_none());
    assert!(begin(db, "new", None).await.is_none(), "disabled");
    users::set_disabled(db, &alice, false, "cli", NOW)
        .await
        .expect("set");
    begin(db, "new", None).await.expect("signed in");
    assert_eq!(
        users::end_all(db, &alice, "cli", NOW).await.expect("ended"),
        1
    );
    assert_eq!(
        users::end_all(db, &alice, "cli", NOW).await.expect("ended"),
        0
    );
    let logouts = trail(db).await;
    let logouts = logouts.iter().filter(|line| line.contains(" logout "));
    assert_eq!(
        logouts.count(),
        3,
        "one for each time somebody was signed out"
    );
}

#[tokio::test]
async fn a_stronger_hash_replaces_the_one_it_was_made_from() {
    let db = TestDb::new().await;
    let db = db.pool();
    create(db, "alice", Some("old")).await;
    let hash = async || {
        let found = users::credentials(db, &name("alice"))
            .await
            .expect("the database");
        found.expect("a user").password_hash
    };
    users::rehash(db, &name("alice"), "another", "new")
        .await
        .expect("no match");
    assert_eq!(hash().await.as_deref(), Some("old"));
    users::rehash(db, &name("alice"), "old", "new")
        .await
        .expect("a match");
    assert_eq!(hash().await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_link_works_once_and_not_for_ever() {
    let db = TestDb::new().await;
    let db = db.pool();
    let now = NOW;
    let first = users::first(db, now)
        .await
        .expect("the database")
        .expect("no users");
    let other = users::first(db, now)
        .await
        .expect("the database")
        .expect("no users");
    assert_eq!(
        users::look_up(db, first.expose(), now)
            .await
            .expect("valid"),
        Link::First
    );
    let alice = name("alice");
    let gone = |done: Result<(), UsersError>| matches!(done, Err(UsersError::LinkGone));
    assert!(gone(
        users::redeem_invitation(db, first.expose(), &alice, "h", now).await
    ));
    users::redeem_first(db, first.expose(), &alice, "h", now)
        .await
        .expect("used");
    let bob = name("bob");
    for link in [&first, &other] {
        assert!(
            gone(users::redeem_first(db, link.expose(), &bob, "h", now).await),
            "there is a first user"
        );
    }
    assert!(users::first(db, now).await.expect("the database").is_none());

    create(db, "bob", None).await;
    let old = users::invite(db, &bob, "cli", now).await.expect("a link");
    let new = users::invite(db, &bob, "cli", now).await.expect("a link");
    assert!(gone(
        users::redeem_invitation(db, old.expose(), &bob, "h", now).await
    ));
    assert!(gone(
        users::redeem_invitation(db, new.expose(), &alice, "h", now).await
    ));
    assert!(gone(
        users::redeem_first(db, new.expose(), &name("carol"), "h", now).await
    ));
    let late = now + users::LINK_LIFETIME;
    assert!(users::look_up(db, new.expose(), late).await.is_err());
    assert!(gone(
        users::redeem_invitation(db, new.expose(), &bob, "h", late).await
    ));
    users::redeem_invitation(db, new.expose(), &bob, "h", now)
        .await
        .expect("used");
    assert!(gone(
        users::redeem_invitation(db, new.expose(), &bob, "h", now).await
    ));
    let nobody = users::invite(db, &name("nobody"), "cli", now).await;
    assert!(matches!(nobody, Err(UsersError::Unknown(_))), "{nobody:?}");
}

#[tokio::test]
async fn guesses_are_slowed_down_by_name_and_network() {
    let db = TestDb::new().await;
    let db = db.pool();
    create(db, "alice", Some("hash")).await;
    let at = |seconds| NOW + Duration::seconds(seconds);
    let attempt = async |typed: &str, network: &str, seconds| {
        users::attempt(db, typed, network, at(seconds))
            .await
            .expect("the database")
    };
    for n in 0..5 {
        assert_eq!(attempt("alice", HOME, n).await, Attempt::Allowed, "{n}");
    }
    let wait = |seconds| Attempt::Wait(StdDuration::from_secs(seconds));
    assert_eq!(
        attempt(" ALICE ", HOME, 5).await,
        wait(14),
        "as whatever it is written"
    );
    assert_eq!(
        attempt("bob", HOME, 5).await,
        Attempt::Allowed,
        "another name"
    );
    let elsewhere = attempt("alice", "198.51.100.0/24", 5).await;
    assert_eq!(elsewhere, Attempt::Allowed, "another network");
    assert_eq!(attempt("alice", HOME, 19).await, Attempt::Allowed);
    assert_eq!(attempt("alice", HOME, 20).await, wait(29), "twice as long");
    // The right password makes it as if nothing had been.
    begin(db, "hash", None).await.expect("signed in");
    assert_eq!(attempt("alice", HOME, 21).await, Attempt::Allowed);
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("select account from login_failures")
        .fetch_all(db)
        .await
        .expect("rows");
    assert!(
        kept.iter().all(|account| account.len() == 32),
        "no name is kept"
    );
}

#[tokio::test]
async fn a_network_has_twenty_tries_a_minute() {
    let db = TestDb::new().await;
    let db = db.pool();
    // As many at the same time as the pool lets through.
    let tries = (0..30).map(|n| {
        let db = db.clone();
        tokio::spawn(async move {
            users::attempt(&db, &format!("user{n}"), HOME, NOW + Duration::seconds(10)).await
        })
    });
    let mut allowed = 0;
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.expect("no panic").expect("the database") {
            Attempt::Allowed => allowed += 1,
            Attempt::Wait(wait) => assert_eq!(wait.as_secs(), 50),
        }
    }
    assert_eq!(allowed, 20);
    let next = users::attempt(db, "user", HOME, NOW + Duration::seconds(60)).await;
    assert_eq!(next.expect("the database"), Attempt::Allowed);
    assert_eq!(
        trail(db).await,
        ["authentication login_failed too_many_tries"],
        "once, not ten times"
    );
    // What is of no use any more is swept.
    let later = NOW + Duration::days(2);
    users::attempt(db, "user", HOME, later)
        .await
        .expect("the database");
    let rows: i64 = sqlx::query_scalar(
        "select (select count(*) from login_tries) + (select count(*) from login_failures)",
    )
    .fetch_one(db)
    .await
    .expect("rows");
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn tries_at_the_same_time_are_counted_one_by_one() {
    let db = TestDb::new().await;
    let db = db.pool();
    let tries = (0..12).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { users::attempt(&db, "alice", HOME, NOW).await })
    });
    let mut allowed = 0;
    for attempt in tries.collect::<Vec<_>>() {
        let attempt = attempt.await.expect("no panic").expect("the database");
        allowed += u32::from(attempt == Attempt::Allowed);
    }
    assert_eq!(allowed, 5);
}
