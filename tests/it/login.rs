//! Signing in at `/admin` and out as browsers do, and what is refused to those
//! who guess or who are signed in no more.

use hyper::{Method, StatusCode};
use systemprompt_storage::users;
use systemprompt_testkit::process::cli;
use time::OffsetDateTime;

use crate::browser::{ASK, Browser, PASSWORD, PROXY, TOKENS, create, name, trail};
use crate::system::System;

#[tokio::test]
async fn the_first_link_makes_the_first_user() {
    let system = System::start().await;
    let printed = system.server.stdout();
    let (_, link) = printed.split_once("/admin/setup?key=").unwrap();
    let key = link.lines().next().unwrap();
    assert!(!system.server.stderr().contains(key), "it is logged");
    let path = format!("/admin/setup?key={key}");

    let mut browser = Browser::new(&system);
    // Looking does not use it up.
    for _ in 0..2 {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            page.text().contains("Make the first user"),
            "{}",
            page.text()
        );
    }
    let form = |name, password, again| {
        [
            ("key", key),
            ("name", name),
            ("password", password),
            ("again", again),
        ]
    };
    for (name, password, again, problem) in [
        ("Ada", PASSWORD, "correct horse", "the passwords differ"),
        ("Ada", "short", "short", "at least 8 characters"),
        ("Ada", "password123", "password123", "tried first"),
        ("<b>", PASSWORD, PASSWORD, "a user name has letters"),
    ] {
        let page = browser
            .post("/admin/setup", &form(name, password, again))
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(page.text().contains(problem), "{}", page.text());
        assert!(!page.text().contains(password), "it is shown");
    }
    let made = browser
        .post("/admin/setup", &form("Ada", PASSWORD, PASSWORD))
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let page = browser.get("/admin/account").await.text();
    assert!(page.contains("<strong>ada</strong> (admin)"), "{page}");

    let over = browser.get(&path).await;
    assert_eq!(over.status, StatusCode::GONE);
    let again = browser
        .post("/admin/setup", &form("Eve", PASSWORD, PASSWORD))
        .await;
    assert_eq!(again.status, StatusCode::GONE);
    let created = trail(&system, "user_created").await;
    assert_eq!(created, ["ada"]);
}

#[tokio::test]
async fn an_invitation_sets_a_password() {
    let system = System::start().await;
    create(system.db.pool(), "bob").await;
    let url = system.db.url();
    let made = cli([
        "admin",
        "user",
        "password",
        "bob",
        "--json",
        "--database-url",
        &url,
    ]);
    let made: serde_json::Value = serde_json::from_slice(&made.unwrap().stdout).unwrap();
    let key = made["link"].as_str().unwrap().split_once("key=").unwrap().1;

    let mut old = Browser::signed_in(&system, "bob").await;
    let mut browser = Browser::new(&system);
    let page = browser.get(&format!("/admin/setup?key={key}")).await.text();
    assert!(page.contains("value=\"bob\""), "{page}");
    // Whose password it is says the link, not the form.
    let new = "another horse and battery";
    let form = [
        ("key", key),
        ("name", "ada"),
        ("password", new),
        ("again", new),
    ];
    let set = browser.post("/admin/setup", &form).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text());
    assert!(browser.is_signed_in().await);
    assert!(!old.is_signed_in().await, "signed in with the old password");
    let mut browser = Browser::new(&system);
    assert_eq!(
        browser.sign_in("bob", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        browser.sign_in("bob", new).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn signing_in_and_out() {
    let system = System::with(&[TOKENS, PROXY]).await;
    create(system.db.pool(), "ada@example.com").await;
    // On this machine itself a browser takes no `__Host-` cookie.
    for (address, cookie, attributes) in [
        (None, "systemprompt=", "; Path=/; HttpOnly; SameSite=Strict"),
        (
            Some("203.0.113.5"),
            "__Host-systemprompt=",
            "; Path=/; Secure; HttpOnly; SameSite=Strict",
        ),
    ] {
        let mut browser = Browser::new(&system);
        browser.address = address;
        assert!(!browser.is_signed_in().await);
        assert_eq!(browser.get(ASK).await.status, StatusCode::UNAUTHORIZED);
        let answer = browser.sign_in(" Ada@Example.com", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(answer.header("location"), "/admin");
        let (pair, rest) = answer.header("set-cookie").split_at(cookie.len() + 64);
        assert_eq!((&pair[..cookie.len()], rest), (cookie, attributes));

        let page = browser.get("/admin/account").await.text();
        assert!(page.contains("ada@example.com"), "{page}");
        assert!(page.contains("this browser"), "{page}");
        assert_eq!(
            browser.get("/admin/login").await.header("location"),
            "/admin"
        );
        // Whoever is signed in asks questions; whoever sends a token is not.
        assert_eq!(browser.get(ASK).await.status, StatusCode::OK);
        let token = [("authorization", "Bearer nonsense-0123456789")];
        let answer = browser.send(Method::GET, ASK, &token, String::new()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

        let kept = browser.cookie.clone();
        let answer = browser.post("/admin/logout", &[]).await;
        assert_eq!(answer.header("location"), "/admin/login");
        assert_eq!(browser.cookie, None, "it is taken away");
        browser.cookie = kept;
        assert!(!browser.is_signed_in().await, "the id is worth nothing");
        assert_eq!(browser.get(ASK).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        trail(&system, "login").await,
        [
            "ada@example.com 127.0.0.0/24",
            "ada@example.com 203.0.113.0/24"
        ]
    );
    assert_eq!(trail(&system, "logout").await, ["ada@example.com"; 2]);
}

#[tokio::test]
async fn a_failure_tells_nothing() {
    let system = System::start().await;
    create(system.db.pool(), "ada").await;
    create(system.db.pool(), "off").await;
    let now = OffsetDateTime::now_utc();
    let db = system.db.pool();
    users::set_disabled(db, &name("off"), true, "test", now)
        .await
        .unwrap();
    let mut pages = Vec::new();
    for (name, password) in [
        ("ada", "wrong horse battery"),
        ("eve", PASSWORD),
        ("off", PASSWORD),
        ("\0'\u{202e}", PASSWORD),
        ("", ""),
    ] {
        let mut browser = Browser::new(&system);
        let answer = browser.sign_in(name, password).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(browser.cookie, None);
        if name.len() == 3 {
            let shown = format!("value=\"{name}\"");
            pages.push(answer.text().replace(&shown, "…"));
        }
    }
    assert_eq!((&pages[0], &pages[0]), (&pages[1], &pages[2]));
    assert_eq!(
        trail(&system, "login_failed").await,
        [
            "ada wrong_password 127.0.0.0/24",
            "unknown_user 127.0.0.0/24",
            "off disabled 127.0.0.0/24",
            "unknown_user 127.0.0.0/24",
            "unknown_user 127.0.0.0/24",
        ]
    );
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let system = System::with(&[PROXY]).await;
    create(system.db.pool(), "ada").await;
    let failed = StatusCode::UNAUTHORIZED;
    let waits = StatusCode::TOO_MANY_REQUESTS;
    // One name: five failures, then waiting, whatever the password.
    let mut browser = Browser::at(&system, "203.0.113.5");
    for _ in 0..5 {
        assert_eq!(
            browser.sign_in("ada", "wrong password").await.status,
            failed
        );
    }
    let answer = browser.sign_in("ADA", PASSWORD).await;
    assert_eq!(answer.status, waits);
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=15).contains(&wait), "{wait}");
    assert!(answer.text().contains("Try again in"), "{}", answer.text());
    // What the client says of itself counts for nothing before the proxy's word.
    let mut forged = Browser::at(&system, "198.51.100.99, 203.0.113.200");
    assert_eq!(forged.sign_in("ada", PASSWORD).await.status, waits);
    // The right person elsewhere is not shut out.
    let mut ada = Browser::at(&system, "198.51.100.7");
    assert_eq!(
        ada.sign_in("ada", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );

    // Many names: a network's tries in a minute, of which more than one may be touched.
    let minute = || OffsetDateTime::now_utc().unix_timestamp() / 60;
    let begun = minute();
    let mut statuses = Vec::new();
    for n in 0..45 {
        let address = format!("192.0.2.{n}");
        let mut browser = Browser::at(&system, &address);
        statuses.push(
            browser
                .sign_in(&format!("user{n}"), "Summer2026")
                .await
                .status,
        );
    }
    let minutes = usize::try_from(minute() - begun).unwrap() + 1;
    let tried = statuses.iter().filter(|status| **status == failed).count();
    assert!((20..=20 * minutes).contains(&tried), "{tried}");
    assert_eq!(
        statuses.iter().filter(|status| **status == waits).count(),
        45 - tried
    );
    let floods = trail(&system, "login_failed").await;
    let floods = floods
        .iter()
        .filter(|line| line.starts_with("too_many_tries"));
    assert!(floods.count() <= minutes, "once a minute");
}

#[tokio::test]
async fn sessions_die_at_once() {
    let system = System::start().await;
    let db = system.db.pool();
    create(db, "ada").await;
    let mut one = Browser::signed_in(&system, "ada").await;
    let mut two = Browser::signed_in(&system, "ada").await;
    let page = one.get("/admin/account").await.text();
    assert!(page.contains("Sign out everywhere else"), "{page}");
    one.post("/admin/sessions/end", &[]).await;
    assert!(one.is_signed_in().await);
    assert!(!two.is_signed_in().await);
    let url = system.db.url();
    let run = |line: &str| {
        let line = format!("admin user {line} --database-url {url}");
        let output = cli(line.split(' ')).unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    for ends in ["logout ada", "disable ada"] {
        let mut browser = Browser::signed_in(&system, "ada").await;
        run(ends);
        assert!(!browser.is_signed_in().await, "{ends}");
        assert!(!one.is_signed_in().await, "{ends}");
    }
    let mut browser = Browser::new(&system);
    assert_eq!(
        browser.sign_in("ada", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    run("enable ada");
    let mut browser = Browser::signed_in(&system, "ada").await;
    let now = OffsetDateTime::now_utc();
    users::set_password(db, &name("ada"), "$argon2id$x", "test", now)
        .await
        .unwrap();
    assert!(!browser.is_signed_in().await);
}
