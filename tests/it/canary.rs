//! What leaks to nobody: prompts, answers, providers' keys, tokens, passwords and
//! addresses go in at every entrance, well-formed and not, and are looked for in
//! everything that stays and everything that is said.
//!
//! A user's name may be an e-mail address. It stands in the columns that say who
//! it was (`user_id`, `user_name`, a `user` within `detail` or `context`, the name
//! in `users`, and in `audit_people` until it is erased) and under `user` or `users` in answers; nowhere else.

use std::time::{Duration, Instant};

use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use systemprompt_domain::TokenKind;

use crate::browser::Browser;
use crate::cage::{
    COMPLETION, Cage, KEY, MANAGED, NAMED, PASSWORD, PROFILE_TOKEN, PROMPT, SMTP, STRAY, WEBHOOK,
};
use crate::leaks::{Places, in_database, in_files, in_json};
use crate::system::{CHAT, GEMINI_SSE, GENERATE, MESSAGES, RESPONSES, System};
use systemprompt_testkit::PATIENCE;

/// What is put before the gateway: bodies, keys in all places, tokens whole and cut.
async fn through_the_gateway(cage: &mut Cage) {
    let says = json!({"role": "user", "content": format!("{PROMPT} {STRAY}")});
    let good = |model: &str, stream: bool| {
        json!({
            "model": model, "max_tokens": 9, "stream": stream, "messages": [says], "input": PROMPT,
            "system": PROMPT, "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
            "tools": [{"name": "t", "description": PROMPT, "input_schema": {"type": "object"}}],
        })
        .to_string()
    };
    let malformed = [
        format!("{{\"messages\": \"{PROMPT}"),
        PROMPT.to_owned(),
        json!({"model": {"x": PROMPT}, "messages": PROMPT, "input": [[PROMPT]]}).to_string(),
        format!("[{}{:?}{}", "[".repeat(200), PROMPT, "]".repeat(200)),
    ];
    let (gateway, agent) = (cage.token(TokenKind::Gateway), cage.token(TokenKind::Agent));
    let (gateway, agent) = (gateway.to_owned(), agent.to_owned());
    let bearer = format!("Bearer {KEY}");
    let own = [
        ("x-systemprompt-token", gateway.as_str()),
        ("x-api-key", KEY),
        ("authorization", bearer.as_str()),
        ("x-goog-api-key", KEY),
        ("cookie", KEY),
        ("proxy-authorization", KEY),
        ("x-systemprompt-unknown", KEY),
        ("traceparent", PROMPT),
        ("x-forwarded-for", STRAY),
        ("user-agent", PROMPT),
        ("referer", STRAY),
    ];
    let with = |mock: &'static str| [&own[..], &[("x-mock", mock)]].concat();
    for path in [MESSAGES, CHAT, RESPONSES, GENERATE, GEMINI_SSE] {
        for mock in [
            "",
            "status=400",
            "status=401",
            "status=429",
            "status=500",
            "malformed",
            "cut=20",
        ] {
            for stream in [false, true] {
                cage.send(Method::POST, path, &with(mock), good("m", stream))
                    .await;
            }
        }
        for body in &malformed {
            cage.send(Method::POST, path, &with(""), body.clone()).await;
        }
        let gzip = [&own[..], &[("content-encoding", "gzip")]].concat();
        cage.send(Method::POST, path, &gzip, PROMPT.to_owned())
            .await;
    }
    let answered = cage.answers.len();
    for mock in [
        "rec:whole.json",
        "rec:error.json",
        "rec:stream.sse",
        "rec:broken.sse",
        "rec:text.json",
    ] {
        cage.send(Method::POST, MESSAGES, &with(mock), good("m", true))
            .await;
    }
    // The provider's own words are for the client.
    cage.answers.truncate(answered);
    let keyed = |path: &str| format!("{path}?key={KEY}&alt=json&who={STRAY}&token={gateway}");
    for path in [
        GENERATE,
        "/away/v1beta/models/m:generateContent",
        "/gemini/v1beta/models",
        "/nothing/at/all",
    ] {
        cage.send(Method::POST, &keyed(path), &own, good("m", false))
            .await;
    }
    // A key that the gateway holds; clients show a token in its place.
    let held = "/held/v1/messages";
    for mock in ["", "status=401", "hang=1,cut=5"] {
        for header in ["x-api-key", "x-systemprompt-token"] {
            let headers = [(header, agent.as_str()), ("x-mock", mock)];
            cage.send(Method::POST, held, &headers, good("m", false))
                .await;
        }
    }
    // Tokens in wrong places, cut, of the wrong kind, and other secrets as tokens.
    let cut = &gateway[..gateway.len() - 1];
    let reader = cage.token(TokenKind::Read).to_owned();
    for wrong in [cut, reader.as_str(), KEY, PASSWORD, STRAY] {
        for header in [
            "x-systemprompt-token",
            "x-api-key",
            "authorization",
            "x-goog-api-key",
        ] {
            for path in [
                MESSAGES,
                held,
                "/api/v1/analytics/overview",
                "/mcp",
                "/api/v1/events",
            ] {
                cage.send(Method::POST, path, &[(header, wrong)], good("m", false))
                    .await;
            }
        }
        let path = format!("/held/v1/messages/{}", wrong.replace(' ', "%20"));
        cage.send(Method::GET, &path, &[], String::new()).await;
    }
}

/// What other services report: whole events with secrets around them, and none.
async fn through_the_api(cage: &mut Cage) {
    let ingest = format!("Bearer {}", cage.token(TokenKind::Ingest));
    let reads = format!("Bearer {}", cage.token(TokenKind::Read));
    let event =
        json!({"type": "activity", "category": "prompt", "action": "created", "user": NAMED});
    let mut odd = event.clone();
    odd["prompt"] = json!(PROMPT);
    for body in [
        event.to_string(),
        odd.to_string(),
        json!({"type": PROMPT}).to_string(),
        json!({"type": "audit", "category": PROMPT, "event": PROMPT}).to_string(),
        json!({"type": "activity", "category": PROMPT, "action": [PROMPT]}).to_string(),
        json!({"type": "activity", "category": "prompt", "action": PROMPT, "metadata": PROMPT})
            .to_string(),
        format!("{{\"prompt\": \"{PROMPT}"),
        PROMPT.to_owned(),
    ] {
        let headers = [("authorization", ingest.as_str()), ("cookie", KEY)];
        cage.send(Method::POST, "/api/v1/events", &headers, body)
            .await;
    }
    for path in [
        format!("/api/v1/analytics/costs/summary?key={KEY}"),
        format!("/api/v1/analytics/costs/summary?token={KEY}&access_token={KEY}"),
        format!("/api/docs?{KEY}"),
        format!("/healthz?password={}", PASSWORD.replace(' ', "+")),
        format!("/?mail={STRAY}"),
    ] {
        let headers = [("authorization", reads.as_str())];
        cage.send(Method::GET, &path, &headers, String::new()).await;
    }
    let mcp = [
        ("authorization", reads.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let call = |name: &str, arguments: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": name, "arguments": arguments}})
        .to_string()
    };
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": PROMPT, "version": KEY}}});
    for body in [
        hello.to_string(),
        call(
            "analytics_costs_summary",
            json!({"since": "1h", "_meta": {"x": PROMPT}}),
        ),
        call("analytics_costs_summary", json!({"since": {"x": PROMPT}})),
        format!("{{\"jsonrpc\": \"2.0\", \"id\": \"{PROMPT}"),
        PROMPT.to_owned(),
    ] {
        cage.send(Method::POST, "/mcp", &mcp, body).await;
    }
}

/// Forms, with the right and with the wrong things in them.
async fn through_the_forms(cage: &mut Cage) {
    let url = cage.system.db.url();
    let create = [
        "admin",
        "user",
        "create",
        NAMED,
        "--password-stdin",
        "--database-url",
        &url,
    ];
    cage.operator(&create, &format!("{PASSWORD}\n"));
    let key = cage.token(TokenKind::Admin).to_owned();
    let mut pages = Vec::new();
    for (name, password) in [
        (NAMED, PASSWORD),
        (NAMED, KEY),
        ("nobody", PASSWORD),
        (PASSWORD, "nothing much"),
        (STRAY, KEY),
    ] {
        let mut browser = Browser::new(&cage.system);
        let answer = browser.sign_in(name, password).await;
        // The form comes back with the name as it was typed, and nothing else.
        assert!(!answer.text().contains(password), "{}", answer.text());
        pages.push(browser.get("/admin/login").await);
    }
    let mut browser = Browser::new(&cage.system);
    let form = [
        ("key", key.as_str()),
        ("name", STRAY),
        ("password", PASSWORD),
        ("again", KEY),
    ];
    pages.push(browser.post("/admin/setup", &form).await);
    pages.push(browser.get(&format!("/admin/setup?key={key}")).await);
    cage.answers
        .extend(pages.into_iter().map(|page| ("a page".to_owned(), page)));
}

/// Arguments, the environment, and files that hold secrets.
fn through_the_command_line(cage: &mut Cage) {
    let profile = cage
        .folder
        .path()
        .join("profile.yaml")
        .display()
        .to_string();
    let url = cage.system.db.url();
    let broken = format!("postgres://u:{KEY}@127.0.0.1:9/x");
    let set = format!("notifications.slack.webhook_url=https://example.com/{WEBHOOK}");
    let wrong = format!("server.tokens=[{{name: t, token: '{KEY} é', scopes: [none]}}]");
    for words in [
        vec!["config", "show", "--profile", &profile],
        vec!["config", "check", "--profile", &profile],
        vec!["config", "show", "--set", &set],
        vec!["config", "check", "--set", &wrong],
        vec!["analytics", "overview", "--database-url", &broken],
        vec![
            "infra",
            "db",
            "status",
            "--profile",
            &profile,
            "--database-url",
            &url,
        ],
        vec![
            "infra",
            "logs",
            "export",
            "--profile",
            &profile,
            "--database-url",
            &url,
        ],
        vec![
            "alerts",
            "test",
            "daily_cost",
            "--profile",
            &profile,
            "--database-url",
            &url,
        ],
        vec![
            "alerts",
            "list",
            "--profile",
            &profile,
            "--database-url",
            &url,
        ],
        vec!["admin", "token", "list", "--all", "--database-url", &url],
        vec![
            "admin",
            "user",
            "password",
            NAMED,
            "--password-stdin",
            "--database-url",
            &url,
        ],
    ] {
        cage.operator(&words, &format!("{PASSWORD} again\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_kept_or_said() {
    let mut cage = Cage::start().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    through_the_gateway(&mut cage).await;
    through_the_api(&mut cage).await;
    through_the_forms(&mut cage).await;
    // Another key, read while it runs; and a profile that cannot be used. Errors
    // quote what stands in a file under keys that hold no secrets, and nothing from
    // the environment.
    let rotated = format!("{MANAGED}-again");
    std::fs::write(cage.folder.path().join("key"), &rotated).unwrap();
    let file = cage.folder.path().join("profile.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    let wrong = good
        .replace("wire: gemini", "wire: '${CANARY_TOKEN}'")
        .replace("{file: ", &format!("{KEY}, unmetered: {{file: "));
    std::fs::write(&file, wrong).unwrap();
    cage.system.server.signal(Signal::HUP).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    std::fs::write(&file, good).unwrap();
    cage.system.server.signal(Signal::HUP).unwrap();
    through_the_command_line(&mut cage);
    for path in ["/readyz", "/healthz", "/metrics", "/api/v1/openapi.json"] {
        cage.send(Method::GET, path, &[], String::new()).await;
    }
    // An alert was due, and could be sent nowhere.
    assert!(cage.system.count().await.unwrap() > 50);
    let tried = "select count(*) from outbox where attempts > 0";
    let deadline = Instant::now() + PATIENCE;
    while cage.system.scalar(tried).await.unwrap() == 0 {
        assert!(Instant::now() < deadline, "{}", cage.system.server.stderr());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let reports = cage.reports().await;
    cage.system.server.sigterm().unwrap();
    let ended = cage.system.server.wait_exit(PATIENCE).await;
    assert!(ended.unwrap().success());

    let mut secrets = vec![
        PROMPT,
        COMPLETION,
        KEY,
        MANAGED,
        PROFILE_TOKEN,
        PASSWORD,
        WEBHOOK,
        SMTP,
        STRAY,
    ];
    // Lists show the first eight characters of thirty; this is the rest.
    let rest = |(_, token): &(TokenKind, String)| token[token.len() - 22..].to_owned();
    let tokens: Vec<_> = cage.tokens.iter().map(rest).collect();
    secrets.extend(tokens.iter().map(String::as_str));
    let mut leaks = Places::new();
    for secret in secrets {
        let mut places = cage.found(secret).await;
        for (question, report) in &reports {
            places.extend(in_json(report, question, secret));
        }
        leaks.extend(places.iter().map(|place| format!("{secret}: {place}")));
    }
    assert!(leaks.is_empty(), "{leaks:#?}");

    let mut named = in_database(cage.system.db.pool(), NAMED).await;
    assert!(named.len() > 5, "it is found where it may stand: {named:?}");
    for (question, report) in &reports {
        named.extend(in_json(report, question, NAMED));
    }
    let may = |place: &String| {
        let column = place.rsplit('.').next().unwrap();
        let by_user = place.contains("by=user") && column == "name";
        matches!(column, "user" | "users" | "user_id" | "user_name")
            || matches!(place.as_str(), "users.name" | "audit_people.name")
            || by_user
    };
    named.retain(|place| !may(place));
    named.extend(in_files(
        cage.system.storage.path(),
        &["keys", "spool"],
        NAMED,
    ));
    let said = cage.system.server.stderr() + &cage.system.server.stdout();
    assert!(!said.contains(NAMED), "{said}");
    assert!(named.is_empty(), "{NAMED} also stands in {named:#?}");
}

#[tokio::test]
async fn what_is_planted_is_found() {
    let system = System::start().await;
    sqlx::raw_sql(
        "create table planted (a text, b jsonb, c bytea, d text[], e varchar); \
         insert into planted values \
             ('x', '{\"deep\": [{\"key\": \"a canary-planted-1 b\"}]}', 'canary-planted-2', \
              array['y', 'canary-planted-3'], 'CANARY-planted-4'), \
             ('canary-planted-5', '{\"canary-planted-6\": 1}', null, null, null)",
    )
    .execute(system.db.pool())
    .await
    .unwrap();
    for (n, place) in [
        (1, "planted.b.deep.key"),
        (2, "planted.c"),
        (3, "planted.d"),
        (4, "planted.e"),
        (5, "planted.a"),
        (6, "planted.b.canary-planted-6"),
    ] {
        let found = in_database(system.db.pool(), &format!("canary-planted-{n}")).await;
        assert_eq!(found, Places::from([place.to_owned()]));
    }
    let nothing = in_database(system.db.pool(), "canary-planted-7").await;
    assert_eq!(nothing, Places::new());

    let spool = system.storage.path().join("spool/gateway/planted");
    std::fs::write(&spool, b"\0\x01canary-planted-8\xff").unwrap();
    let found = in_files(system.storage.path(), &["keys"], "canary-planted-8");
    assert_eq!(found, Places::from([spool.display().to_string()]));
    let answer = json!({"rows": [{"name": "a canary-planted-9"}]});
    let found = in_json(&answer, "q", "canary-planted-9");
    assert_eq!(found, Places::from(["q.rows.name".to_owned()]));
}
