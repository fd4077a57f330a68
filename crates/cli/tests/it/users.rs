//! Users on the command line: made, listed, invited, disabled, signed out.

use insta::assert_snapshot;
use serde_json::Value;

use crate::answers::{Asked, json};
use crate::shell::line;

async fn said(asked: &Asked, line: &str) -> String {
    let run = asked.run(line).await;
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
    run.out
}

/// The text with the key of its link hidden.
fn keyless(text: &str) -> String {
    match text.split_once("?key=") {
        Some((before, key)) => {
            let (key, rest) = key.split_at(64);
            assert!(key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
            format!("{before}?key=…{rest}")
        }
        None => text.to_owned(),
    }
}

#[tokio::test]
async fn a_user_without_a_password_gets_a_link() {
    let asked = Asked::empty().await;
    let nobody = said(&asked, "admin user list").await;
    assert_snapshot!(nobody, @"There are no users. Make one: systemprompt admin user create NAME");
    let made = said(&asked, "admin user create Alice@example.com").await;
    assert_snapshot!(keyless(&made), @"
    alice@example.com may sign in at /admin as admin.
    One-time link to choose a password, good for 24 hours; whoever has it can use it:
      http://127.0.0.1:8080/admin/setup?key=…
    ");
    let made = asked
        .run("admin user create bob --role viewer --json")
        .await;
    let told = json(&made);
    assert_eq!(told["role"], "viewer");
    assert_eq!(told["link_expires_at"], "2026-11-26T10:07:30Z");
    assert_snapshot!(said(&asked, "admin user list").await, @"
                                                             last
                                                             login
    user               role    state    created at           at     sessions
    alice@example.com  admin   invited  2026-11-25 10:07:30  –             0
    bob                viewer  invited  2026-11-25 10:07:30  –             0
    ");
    let again = asked.run("admin user create ALICE@example.com").await;
    assert_eq!(again.code, 1);
    assert_eq!(
        again.err,
        "error: there is a user called alice@example.com already\n"
    );
    let link = asked
        .run("admin user password bob --set server.listen=0.0.0.0:80")
        .await;
    assert!(
        link.out.contains("https://<your server>/admin/setup?key="),
        "{link:?}"
    );
    let stored: Vec<String> = sqlx::query_scalar("select event from audit_events order by seq")
        .fetch_all(asked.db.pool())
        .await
        .expect("the trail");
    assert_eq!(stored.len(), 7, "{stored:?}");
}

#[tokio::test]
async fn users_are_disabled_and_signed_out() {
    let asked = Asked::empty().await;
    said(&asked, "admin user create bob").await;
    sqlx::query(
        "insert into login_sessions values (sha256('1'), 'bob', '2026-11-25T09:00Z', \
             '2026-11-25T10:00Z', '2026-11-25T21:00Z', '192.0.2.0/24', E'Mozilla\\x1b[2J')",
    )
    .execute(asked.db.pool())
    .await
    .expect("a session");
    assert_snapshot!(said(&asked, "admin user sessions bob").await, @r"
    created at        last seen at      expires at        network       user agent
    2026-11-25 09:00  2026-11-25 10:00  2026-11-25 21:00  192.0.2.0/24  Mozilla\u{1b}[2J
    ");
    let told: Value = json(&asked.run("admin user sessions bob --json").await);
    assert_eq!(told["sessions"][0]["network"], "192.0.2.0/24");
    for (line, answer) in [
        ("logout bob", "bob is signed out of 1 browser."),
        ("logout bob", "bob was not signed in."),
        ("sessions bob", "bob is not signed in."),
        (
            "disable bob",
            "bob may not sign in any more and is signed out.",
        ),
        ("disable BOB", "bob was disabled already."),
        ("enable bob", "bob may sign in again."),
        ("enable bob", "bob was not disabled."),
    ] {
        let answered = said(&asked, &format!("admin user {line}")).await;
        assert_eq!(answered.trim_end(), answer, "{line}");
    }
    for command in ["disable", "enable", "password", "sessions", "logout"] {
        let run = asked.run(&format!("admin user {command} nobody")).await;
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{command}");
        assert!(
            run.err.contains("no user is called nobody"),
            "{command}: {}",
            run.err
        );
    }
}

#[test]
fn what_is_no_user_is_2() {
    for (args, complaint) in [
        ("admin user create <b>", "a user name has letters, digits"),
        ("admin user create bob --role owner", "admin, viewer"),
        (
            "admin user create bob --ask-password --password-stdin",
            "cannot be used with",
        ),
        ("admin user create", "<NAME>"),
    ] {
        let refused = line(args);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{args}");
        assert!(refused.err.contains(complaint), "{args}: {}", refused.err);
    }
}
