//! What the pages of `/admin` let nobody do: act from elsewhere, take over an
//! id, frame them, or put text into them that acts.

use hyper::{Method, StatusCode};

use crate::browser::{Browser, PASSWORD, create, encoded};
use crate::system::System;

#[tokio::test]
async fn other_sites_cannot_act() {
    let system = System::start().await;
    create(system.db.pool(), "ada").await;
    let mut browser = Browser::signed_in(&system, "ada").await;
    let cookie = browser.cookie.clone();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let host = system.addr.to_string();
    let own = format!("http://{host}");
    for path in [
        "/admin/login",
        "/admin/logout",
        "/admin/sessions/end",
        "/admin/tokens/create",
        "/admin/tokens/rotate",
        "/admin/tokens/revoke",
        "/admin/users/invite",
        "/admin/users/switch",
        "/admin/setup",
    ] {
        for headers in [
            vec![form],
            vec![form, ("sec-fetch-site", "cross-site"), ("origin", &own)],
            vec![form, ("sec-fetch-site", "same-site")],
            vec![form, ("origin", "https://evil.example")],
            vec![form, ("origin", "null")],
        ] {
            let body = encoded(&[("name", "ada"), ("password", PASSWORD)]);
            let answer = browser.send(Method::POST, path, &headers, body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert_eq!(browser.cookie, cookie, "{path} {headers:?}");
        }
        // Links and images change nothing.
        if path != "/admin/login" && path != "/admin/setup" {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    assert!(browser.is_signed_in().await);
    // A browser that says nothing but where the form comes from.
    let headers = [form, ("origin", own.as_str())];
    browser
        .send(Method::POST, "/admin/logout", &headers, String::new())
        .await;
    assert_eq!(browser.cookie, None);
}

#[tokio::test]
async fn an_id_is_never_taken_from_the_browser() {
    let system = System::start().await;
    create(system.db.pool(), "ada").await;
    let mut browser = Browser::new(&system);
    let planted = format!("systemprompt={}", "a".repeat(64));
    browser.cookie = Some(planted.clone());
    browser.sign_in("ada", PASSWORD).await;
    let first = browser.cookie.clone().unwrap();
    assert_ne!(first, planted);
    browser.sign_in("ada", PASSWORD).await;
    assert_ne!(browser.cookie.as_ref(), Some(&first), "a new one each time");
    assert!(browser.is_signed_in().await);
    for dead in [planted, first.clone()] {
        browser.cookie = Some(dead);
        assert!(!browser.is_signed_in().await);
    }
    // What the database keeps is no id.
    let id = first.split_once('=').unwrap().1;
    let dump: Vec<String> = sqlx::query_scalar(
        "select s::text from login_sessions s union all select a::text from audit_events a",
    )
    .fetch_all(system.db.pool())
    .await
    .unwrap();
    assert!(dump.iter().all(|row| !row.contains(id)), "{dump:?}");
    let mut browser = Browser::new(&system);
    let hash: Vec<u8> = sqlx::query_scalar("select id_hash from login_sessions")
        .fetch_one(system.db.pool())
        .await
        .unwrap();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    browser.cookie = Some(format!("systemprompt={hash}"));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn every_page_has_its_headers() {
    let system = System::start().await;
    create(system.db.pool(), "ada").await;
    let mut browser = Browser::signed_in(&system, "ada").await;
    let mut guest = Browser::new(&system);
    let mut answers = Vec::new();
    for path in [
        "/admin",
        "/admin/costs?agent=x",
        "/admin/agents/x",
        "/admin/access",
        "/admin/health",
        "/admin/account",
        "/admin/login",
        "/admin/setup",
        "/admin/none/such",
        "/admin/logout",
    ] {
        answers.push((path, browser.get(path).await));
        answers.push((path, guest.get(path).await));
        answers.push((path, guest.post(path, &[("name", "x")]).await));
        answers.push((
            path,
            guest.send(Method::POST, path, &[], String::new()).await,
        ));
    }
    for (path, answer) in &answers {
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{path} {}: {policy}", answer.status);
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (header, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(header), value, "{path} {header}");
        }
        let page = answer.text();
        // Scripts are ours and files; nothing stands in the page itself.
        let own = page.matches("<script src=\"/admin/assets/").count();
        assert_eq!(page.matches("<script").count(), own, "{page}");
        assert!(!page.contains("style=\""), "{page}");
    }
    let docs = guest.get("/api/docs").await;
    assert_eq!(docs.status, StatusCode::OK);
    assert!(
        docs.header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(docs.header("referrer-policy"), "same-origin");
    // What browsers may keep for good has its hash in its name.
    let page = guest.get("/admin/login").await.text();
    let (_, rest) = page.split_once("href=\"/admin/assets/").unwrap();
    let (name, _) = rest.split_once('"').unwrap();
    let style = guest.get(&format!("/admin/assets/{name}")).await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(
        style.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(style.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn hostile_text_is_shown_not_meant() {
    let system = System::start().await;
    let db = system.db.pool();
    let hostile = "\"><script>alert(1)</script></title>\u{202e}";
    let mut browser = Browser::new(&system);
    let page = browser.sign_in(hostile, PASSWORD).await.text();
    assert!(
        !page.contains("<script>") && !page.contains("value=\"\">"),
        "{page}"
    );
    assert!(
        page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"),
        "{page}"
    );

    create(db, "ada").await;
    let body = encoded(&[("name", "ada"), ("password", PASSWORD)]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("user-agent", "<img src=x onerror=alert(1)>"),
    ];
    browser
        .send(Method::POST, "/admin/login", &headers, body)
        .await;
    // Names like this are refused at the door; the page would stand them too.
    sqlx::query("update login_sessions set network = '<i>'")
        .execute(db)
        .await
        .unwrap();
    let page = browser.get("/admin/account").await.text();
    assert!(!page.contains("<img") && !page.contains("<i>"), "{page}");
    assert!(page.contains("onerror=alert(1)"), "{page}");
}

#[tokio::test]
async fn without_the_database_pages_say_so() {
    let system = System::start().await;
    create(system.db.pool(), "ada").await;
    let mut browser = Browser::signed_in(&system, "ada").await;
    sqlx::query("alter table login_sessions rename to away")
        .execute(system.db.pool())
        .await
        .unwrap();
    let answer = browser.get("/admin").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        answer.text().contains("Try again soon"),
        "{}",
        answer.text()
    );
    assert!(
        !answer.text().contains("login_sessions"),
        "{}",
        answer.text()
    );
}
