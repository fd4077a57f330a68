//! Tokens and agents: issued, replaced, revoked; audited and announced.

use std::time::Duration as Wait;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use systemprompt_domain::{Scope, TokenKind};
use systemprompt_storage::agents::{self, AgentsError, Change};
use systemprompt_storage::tokens::{
    self, CHANNEL, Issued, NewToken, TokenState, TokensError, any, create, hash, list, revoke,
    rotate, touch, verify,
};
use systemprompt_testkit::db::TestDb;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

fn new(kind: TokenKind, name: &str) -> NewToken<'_> {
    NewToken {
        kind,
        name,
        user: None,
        agent: None,
        expires_at: None,
    }
}

async fn issue(db: &PgPool, new: NewToken<'_>) -> Issued {
    create(db, new, Some("cli"), NOW).await.expect("a token")
}

async fn events(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', category, event, user_id) from audit_trail order by seq",
    )
    .fetch_all(db)
    .await
    .expect("the query runs")
}

#[tokio::test]
async fn a_token_is_known_by_its_hash_alone() {
    let db = TestDb::new().await;
    let pool = db.pool();
    assert!(!any(pool).await.expect("an answer"));
    let issued = issue(
        pool,
        NewToken {
            user: Some("alice@example.com"),
            ..new(TokenKind::Gateway, "alice")
        },
    )
    .await;
    assert!(any(pool).await.expect("an answer"));
    let listed = list(pool).await.expect("tokens");
    assert_eq!(listed, std::slice::from_ref(&issued.token));
    assert_eq!(issued.token.scopes, [Scope::Gateway]);
    assert_eq!(issued.token.state(NOW), TokenState::Live);
    let found = verify(pool, &[hash(&issued.text), [0; 32]]).await;
    let found = found.expect("an answer");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].token, issued.token);
    assert!(!found[0].agent_disabled);
    let stored: String = sqlx::query_scalar("select tokens::text from tokens")
        .fetch_one(pool)
        .await
        .expect("the row");
    assert!(!stored.contains(issued.text.expose()), "{stored}");
    assert_eq!(
        events(pool).await,
        [
            "authentication token_issued cli",
            "authorization scope_granted cli"
        ]
    );
}

#[tokio::test]
async fn names_of_live_tokens_are_unambiguous() {
    let db = TestDb::new().await;
    let pool = db.pool();
    issue(pool, new(TokenKind::Read, "finance")).await;
    let again = create(pool, new(TokenKind::Read, "finance"), None, NOW).await;
    assert!(matches!(again, Err(TokensError::Taken(name)) if name == "finance"));
    for name in ["", "a\nb"] {
        let refused = create(pool, new(TokenKind::Read, name), None, NOW).await;
        assert!(matches!(refused, Err(TokensError::Name)), "{name:?}");
    }
    revoke(pool, "finance", None, NOW).await.expect("revokes");
    let gone = revoke(pool, "finance", None, NOW).await;
    assert!(matches!(gone, Err(TokensError::Unknown(_))));
    issue(pool, new(TokenKind::Read, "finance")).await;
    let (first, second) = tokio::join!(
        create(pool, new(TokenKind::Read, "twice"), None, NOW),
        create(pool, new(TokenKind::Read, "twice"), None, NOW),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn a_rotated_token_and_its_successor_overlap() {
    let db = TestDb::new().await;
    let pool = db.pool();
    let first = NewToken {
        expires_at: Some(NOW + Duration::days(30)),
        ..new(TokenKind::Read, "finance")
    };
    let first = issue(pool, first).await;
    let later = NOW + Duration::days(20);
    let rotated = rotate(pool, "finance", Duration::DAY, None, Some("cli"), later)
        .await
        .expect("rotates");
    let end = later + Duration::DAY;
    assert_eq!(rotated.old.id, first.token.id);
    assert_eq!(rotated.old.expires_at, Some(end));
    assert_eq!(rotated.old.replaced_by, Some(rotated.new.token.id));
    let new = &rotated.new.token;
    assert_eq!(new.expires_at, Some(later + Duration::days(30)));
    let states = |at| [rotated.old.state(at), new.state(at)];
    assert_eq!(states(later), [TokenState::Replaced, TokenState::Live]);
    assert_eq!(states(end), [TokenState::Expired, TokenState::Live]);

    // The old one by what lists show of it; the new one has the name.
    let again = rotate(pool, &first.token.visible, Duration::DAY, None, None, later).await;
    assert!(matches!(again, Err(TokensError::Replaced(_))));
    // An overlap never lengthens a life.
    let soon = later + Duration::days(29) + Duration::hours(12);
    let rotated = rotate(pool, "finance", Duration::DAY, None, None, soon).await;
    assert_eq!(rotated.expect("rotates").old.expires_at, new.expires_at);
    let revoked = revoke(pool, "finance", None, soon).await.expect("revokes");
    assert_eq!(revoked.len(), 2, "both of the name");
}

#[tokio::test]
async fn an_agents_tokens_follow_the_agent() {
    let db = TestDb::new().await;
    let pool = db.pool();
    let token = NewToken {
        agent: Some("scout"),
        ..new(TokenKind::Agent, "laptop")
    };
    let unknown = create(pool, token, None, NOW).await;
    assert!(matches!(
        unknown,
        Err(TokensError::Agent(AgentsError::Unknown(_)))
    ));
    let nobody = create(pool, new(TokenKind::Agent, "laptop"), None, NOW).await;
    assert!(matches!(nobody, Err(TokensError::NoAgent)));
    agents::create(pool, "scout", "Reads", None, NOW)
        .await
        .expect("an agent");
    let taken = agents::create(pool, "scout", "", None, NOW).await;
    assert!(matches!(taken, Err(AgentsError::Taken(_))));
    let issued = issue(pool, token).await;
    let disable = Change {
        disabled: Some(true),
        ..Change::default()
    };
    let disabled = agents::set(pool, "scout", disable, None, NOW).await;
    let disabled = disabled.expect("sets");
    assert_eq!(disabled.disabled_at, Some(NOW));
    assert_eq!(disabled.description, "Reads", "the rest stays");
    let found = verify(pool, &[hash(&issued.text)]).await.expect("found");
    assert!(found[0].agent_disabled);
    let refused = rotate(pool, "laptop", Duration::ZERO, None, None, NOW).await;
    assert!(matches!(
        refused,
        Err(TokensError::Agent(AgentsError::Disabled(_)))
    ));
    assert_eq!(
        agents::delete(pool, "scout", None, NOW)
            .await
            .expect("deletes"),
        1
    );
    assert!(matches!(
        agents::delete(pool, "scout", None, NOW).await,
        Err(AgentsError::Unknown(_))
    ));
    let states: Vec<_> = list(pool).await.expect("tokens");
    assert_eq!(states[0].state(NOW), TokenState::Revoked);
    let events = events(pool).await;
    let modified = events
        .iter()
        .filter(|event| event.as_str() == "administration agent_modified");
    // Made known, disabled, a token revoked, deleted; the token was issued by "cli".
    assert_eq!(modified.count(), 4, "{events:?}");
}

#[tokio::test]
async fn every_change_is_announced() {
    let db = TestDb::new().await;
    let pool = db.pool();
    let mut listener = PgListener::connect_with(pool).await.expect("connects");
    listener.listen(CHANNEL).await.expect("listens");
    let mut heard = async || {
        let heard = tokio::time::timeout(Wait::from_secs(60), listener.recv()).await;
        heard
            .expect("in time")
            .expect("a notification")
            .payload()
            .to_owned()
    };
    let issued = issue(pool, new(TokenKind::Admin, "root")).await;
    assert_eq!(heard().await, issued.token.id.to_string());
    revoke(pool, "root", None, NOW).await.expect("revokes");
    assert_eq!(heard().await, issued.token.id.to_string());
    agents::create(pool, "scout", "", None, NOW)
        .await
        .expect("an agent");
    agents::set(pool, "scout", Change::default(), None, NOW)
        .await
        .expect("sets");
    assert_eq!(heard().await, "");
}

#[tokio::test]
async fn use_is_noted_to_the_minute() {
    let db = TestDb::new().await;
    let pool = db.pool();
    let id = issue(pool, new(TokenKind::Read, "finance")).await.token.id;
    for (second, expected) in [(0, 0), (59, 0), (60, 60)] {
        let at = NOW + Duration::seconds(second);
        touch(pool, &[id], at).await.expect("notes");
        let used = list(pool).await.expect("tokens")[0].last_used_at;
        assert_eq!(used, Some(NOW + Duration::seconds(expected)), "{second}");
    }
    assert!(
        tokens::verify(pool, &[])
            .await
            .expect("an answer")
            .is_empty()
    );
}
