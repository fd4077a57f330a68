//! Page views of web sites: taken, bounded, counted, without addresses.
//!
//! Long because everything here reports and waits in one way, and each test is one promise.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Answer;
use systemprompt_testkit::faults::{command, readiness};
use systemprompt_testkit::process::{ServerProcess, cli_bin, give_audit_keys};

use crate::system::{MESSAGES, System};

const COLLECT: &str = "/api/collect";
const PROXY: &str = "server.trusted_proxies=[127.0.0.1]";
const SITES: &str = "web.sites=[example.com, \"*.example.org\"]";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn view(id: &str, url: &str) -> Value {
    json!({"p": format!("view-{id}-00000000"), "n": 0, "u": url, "t": "A title", "r": ""})
}

fn engagement(id: &str, n: u32, ms: u32) -> Value {
    json!({"p": format!("view-{id}-00000000"), "n": n, "u": "https://example.com/a", "e": ms, "d": 60, "c": 1})
}

impl System {
    async fn send_beacon(&self, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
        let mut all = vec![
            ("user-agent", FIREFOX),
            ("origin", "https://example.com"),
            ("accept", "*/*"),
            ("accept-language", "en"),
            ("accept-encoding", "gzip, br"),
        ];
        all.retain(|(name, _)| headers.iter().all(|(other, _)| other != name));
        all.extend(headers);
        let request = self.request(Method::POST, COLLECT, &all, body.into());
        self.client().send(request).await.unwrap()
    }

    async fn web_figure(&self, sql: &str) -> i64 {
        let sql = format!("select ({sql})::bigint");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(self.db.pool())
            .await
            .unwrap()
    }

    /// A figure, once it is as it should be.
    async fn until_web(&self, sql: &str, wanted: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.web_figure(sql).await;
            if found == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{sql}: {found}, not {wanted}\n{}",
                self.server.stderr()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn rows_of(&self, question: &str) -> Value {
        let path = format!("/api/v1/analytics/{question}");
        let request = self.request(Method::GET, &path, &[], "");
        let answer = self.client().send(request).await.unwrap();
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{question}: {}",
            answer.text()
        );
        answer.json()["rows"].clone()
    }
}

#[tokio::test]
async fn a_visit_is_counted_and_can_be_asked_about() {
    let system = System::with(&[PROXY, SITES]).await;
    let from = ("x-forwarded-for", "91.198.174.192");
    let body = json!([
        {"p": "view-a-00000000", "n": 0, "u": "https://www.example.com/blog/a?utm_source=chatgpt.com#x",
         "r": "https://chatgpt.com/", "t": "First", "s": "1920x1080", "l": "de-DE"},
        engagement("a", 1, 12_000),
    ]);
    let answer = system.send_beacon(&[from], body.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert_eq!(answer.json(), json!({"accepted": 2}));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://example.com"
    );
    assert_eq!(answer.header("set-cookie"), "");
    let bot = (
        "user-agent",
        "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    );
    system
        .send_beacon(
            &[("x-forwarded-for", "20.171.206.1"), bot],
            view("b", "https://example.com/blog/a").to_string(),
        )
        .await;
    system
        .until_web("select count(*) from open_sessions", 2)
        .await;

    let list = system.rows_of("sessions/list?since=1h").await;
    assert_eq!(
        list.as_array().unwrap().len(),
        1,
        "people by default: {list}"
    );
    let session = &list[0];
    for (field, value) in [
        ("class", json!("clean_human")),
        ("site", json!("example.com")),
        ("landing_page", json!("/blog/a")),
        ("pages", json!(1)),
        ("engaged_seconds", json!(12.0)),
        ("max_scroll", json!(60)),
        ("clicks", json!(1)),
        ("channel", json!("ai_assistant")),
        ("referrer", json!("chatgpt.com")),
        ("device", json!("desktop")),
        ("browser", json!("Firefox")),
        ("os", json!("Linux")),
        ("country", json!("US")),
    ] {
        assert_eq!(session[field], value, "{field} of {session}");
    }
    let id = session["id"].as_str().unwrap();
    let shown = &system.rows_of(&format!("sessions/show?id={id}")).await[0];
    assert_eq!(shown["path"], json!(["/blog/a"]));
    assert_eq!(shown["language"], "de-DE");
    assert_eq!(shown["steps"][0]["source"], "tracker");
    let stats = &system.rows_of("sessions/stats?since=1h").await[0];
    assert_eq!(stats["sessions"], 1);
    assert_eq!(stats["daily_visitors"], 1);
    assert_eq!(stats["known_bot"], 1);
    let bots = &system.rows_of("traffic/bots?since=1h").await[0];
    assert_eq!(
        (&bots["kind"], &bots["operator"], &bots["share"]),
        (&json!("ai_training"), &json!("OpenAI"), &json!(0.5))
    );
    let sources = &system.rows_of("traffic/sources?since=1h").await[0];
    assert_eq!(
        (&sources["channel"], &sources["engaged_share"]),
        (&json!("ai_assistant"), &json!(1.0))
    );
    let pages = system.rows_of("traffic/pages?since=1h&class=all").await;
    assert_eq!(
        (&pages[0]["path"], &pages[0]["views"]),
        (&json!("/blog/a"), &json!(2))
    );
    let geo = system.rows_of("traffic/geo?since=1h").await;
    assert_eq!(
        geo,
        json!([{"country": "US", "region": "", "sessions": 1, "visitors": 1, "share": 1.0}])
    );
    let live = system.rows_of("sessions/live").await;
    assert_eq!(live[0]["page"], "/blog/a");
    let ai = system.rows_of("traffic/ai?since=1h").await;
    assert_eq!(ai.as_array().unwrap().len(), 2, "{ai}");
    for question in [
        "sessions/trends",
        "traffic/devices",
        "traffic/transitions",
        "content/stats",
        "content/top",
        "content/trends",
        "content/patterns",
        "overview",
    ] {
        system.rows_of(&format!("{question}?since=1h")).await;
    }

    // No address anywhere: neither in the database nor on disk.
    let mut text = String::new();
    for table in [
        "open_sessions",
        "open_page_views",
        "engagement_events",
        "visitor_state",
    ] {
        let sql = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(system.db.pool())
            .await
            .unwrap();
        text.push_str(&rows);
    }
    for segment in std::fs::read_dir(system.storage.path().join("spool/public")).unwrap() {
        text.push_str(&String::from_utf8_lossy(
            &std::fs::read(segment.unwrap().path()).unwrap_or_default(),
        ));
    }
    assert!(text.contains("/blog/a"), "what is looked at is there");
    for part in ["91.198", "20.171.206"] {
        assert!(!text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_report_is_refused_and_leaves_nothing() {
    let system = System::with(&[SITES]).await;
    let huge = format!("[\"{}\"]", "x".repeat(17 * 1024));
    let many = Value::from_iter((0..51).map(|n| view(&n.to_string(), "https://example.com/")));
    let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
    for (body, status) in [
        (String::new(), StatusCode::BAD_REQUEST),
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        ("42".to_owned(), StatusCode::BAD_REQUEST),
        ("{\"p\": \"x\"}".to_owned(), StatusCode::BAD_REQUEST),
        (deep, StatusCode::BAD_REQUEST),
        (many.to_string(), StatusCode::BAD_REQUEST),
        (huge, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = system.send_beacon(&[], body.clone()).await;
        let beginning: String = body.chars().take(40).collect();
        assert_eq!(answer.status, status, "{beginning}: {}", answer.text());
    }
    // Other sites' reports are taken and dropped, and their pages read nothing.
    let foreign = [("origin", "https://evil.example.net")];
    let answer = system
        .send_beacon(&foreign, view("c", "https://evil.example.net/").to_string())
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("x-systemprompt-dropped"), "1");
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let request = system.request(
        Method::OPTIONS,
        COLLECT,
        &[("origin", "https://blog.example.org")],
        "",
    );
    let preflight = system.client().send(request).await.unwrap();
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(
        preflight.header("access-control-allow-origin"),
        "https://blog.example.org"
    );
    assert_eq!(preflight.header("access-control-max-age"), "86400");
    let request = system.request(Method::GET, COLLECT, &[], "");
    let wrong = system.client().send(request).await.unwrap();
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(
        system
            .web_figure("select count(*) from open_page_views")
            .await,
        0
    );
    assert_eq!(
        system.web_figure("select count(*) from dead_letters").await,
        0
    );
}

#[tokio::test]
async fn hostile_texts_are_stored_harmless() {
    let system = System::with(&[SITES]).await;
    let title = "=cmd|' /C calc'!A0 \u{202e}<script>\u{0}\r\n\u{1b}[31m".repeat(30);
    let body = json!({
        "p": "view-h-00000000", "n": 0, "t": title, "r": "javascript:alert(1)",
        "u": format!("https://example.com/../{}?utm_source={}", "%2e/\u{202e}'; drop table x;--".repeat(200), "a".repeat(3_000)),
        "e": 1e300, "d": -5, "c": "x", "o": [1, {}, "https://a.example/?q=1"], "s": "99999999x1", "w": {"a": 1},
    });
    let answer = system
        .send_beacon(&[("accept-language", "<script>; q=x")], body.to_string())
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    system
        .until_web("select count(*) from open_sessions", 1)
        .await;
    assert_eq!(
        system.web_figure("select count(*) from dead_letters").await,
        0
    );
    let texts: String = sqlx::query_scalar("select path || title || referrer from open_page_views")
        .fetch_one(system.db.pool())
        .await
        .unwrap();
    assert!(texts.len() < 8_000, "{}", texts.len());
    for c in ['\u{0}', '\u{1b}', '\u{202e}', '\n', '\r'] {
        assert!(!texts.contains(c), "{c:?}");
    }
}

#[tokio::test]
async fn who_asks_not_to_be_tracked_has_no_identity() {
    let system = System::with(&[SITES]).await;
    for (n, header) in ["dnt", "sec-gpc"].into_iter().enumerate() {
        for again in 0..2 {
            let id = format!("{n}{again}");
            system
                .send_beacon(
                    &[(header, "1")],
                    view(&id, "https://example.com/a").to_string(),
                )
                .await;
        }
    }
    system
        .send_beacon(
            &[("dnt", "0")],
            view("t", "https://example.com/a").to_string(),
        )
        .await;
    system
        .until_web("select count(*) from open_page_views", 5)
        .await;
    assert_eq!(
        system
            .web_figure("select count(visitor) from open_sessions")
            .await,
        1
    );
    let stats = &system.rows_of("sessions/stats?since=1h&class=all").await[0];
    assert_eq!(
        (&stats["page_views"], &stats["daily_visitors"]),
        (&json!(5), &json!(1))
    );
}

#[tokio::test]
async fn an_address_has_its_allowance() {
    let system = System::with(&[PROXY, SITES, "web.requests_per_minute=3"]).await;
    let mut statuses = Vec::new();
    for n in 0..5 {
        let from = [("x-forwarded-for", "192.0.2.1")];
        let answer = system
            .send_beacon(
                &from,
                view(&n.to_string(), "https://example.com/").to_string(),
            )
            .await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [202, 202, 202, 429, 429]);
    let other = system
        .send_beacon(
            &[("x-forwarded-for", "192.0.2.2")],
            view("o", "https://example.com/").to_string(),
        )
        .await;
    assert_eq!(other.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn paths_can_be_others_and_pages_need_no_script() {
    let system = System::with(&[
        SITES,
        "web.script=/hello.js",
        "web.collect=/hello",
        "web.pixel=/dot.gif",
    ])
    .await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let request = system.request(Method::GET, path, headers, "");
        system.client().send(request).await.unwrap()
    };
    let script = get("/hello.js", &[]).await;
    assert_eq!(script.status, StatusCode::OK);
    assert!(script.text().contains("\"/hello\""));
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    let etag = script.header("etag").to_owned();
    let again = get("/hello.js", &[("if-none-match", &etag)]).await;
    assert_eq!(
        (again.status, again.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    assert_eq!(get("/s.js", &[]).await.status, StatusCode::NOT_FOUND);

    let shown_by = ("referer", "https://example.com/plain?utm_medium=email");
    let agent = ("user-agent", FIREFOX);
    let pixel = get("/dot.gif", &[shown_by, agent]).await;
    assert_eq!(
        (pixel.status, pixel.header("content-type")),
        (StatusCode::OK, "image/gif")
    );
    get("/dot.gif", &[shown_by, agent, ("sec-purpose", "prefetch")]).await;
    get("/dot.gif?u=https%3A%2F%2Fexample.com%2Fnamed", &[agent]).await;
    get("/dot.gif?u=https%3A%2F%2Fexample.net%2Fforeign", &[agent]).await;
    system
        .until_web("select count(*) from open_page_views", 2)
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let pages = system.rows_of("traffic/pages?since=1h&class=all").await;
    let paths: Vec<_> = pages
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["path"].clone())
        .collect();
    assert_eq!(paths, ["/named", "/plain"]);
}

#[tokio::test]
async fn content_is_registered_and_removed_over_http() {
    let system = System::with(&[SITES]).await;
    let send = async |method: Method, body: Value| {
        let headers = [("content-type", "application/json")];
        let request = system.request(method, "/api/v1/content", &headers, body.to_string());
        system.client().send(request).await.unwrap()
    };
    let pages = json!([
        {"url": "https://www.example.com/guide/?x=1#top", "title": "Guide", "kind": "docs"},
        {"site": "example.com", "path": "/about/"},
    ]);
    let answer = send(Method::POST, pages.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let results: Vec<_> = answer.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}{}", row["result"], row["site"], row["path"]))
        .collect();
    assert_eq!(
        results,
        [
            "\"created\" \"example.com\"\"/guide\"",
            "\"created\" \"example.com\"\"/about\""
        ]
    );
    let again = send(Method::POST, pages).await;
    assert!(
        again.json()["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["result"] == "same")
    );
    for bad in [
        json!({"path": "/x"}),
        json!({"url": 1}),
        json!([[]]),
        json!({"site": "a.b", "path": "/", "more": 1}),
    ] {
        assert_eq!(
            send(Method::POST, bad.clone()).await.status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    let shown = &system.rows_of("content/show?content=/guide/").await[0];
    assert_eq!(
        (&shown["title"], &shown["kind"], &shown["origin"]),
        (&json!("Guide"), &json!("docs"), &json!("registered"))
    );
    let gone = send(Method::DELETE, json!({"url": "https://example.com/guide"})).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.text());
    let gone = send(Method::DELETE, json!({"url": "https://example.com/guide"})).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let audited =
        "select count(*) from audit_events where event in ('content_created', 'content_deleted')";
    assert_eq!(system.web_figure(audited).await, 3);
}

#[tokio::test]
async fn made_up_addresses_fill_no_tables() {
    let system = System::with(&[SITES, "web.paths_per_day=100"]).await;
    for batch in 0..4 {
        let views = (0..50).map(|n| {
            let n = batch * 50 + n;
            view(
                &format!("{n:04}"),
                &format!("https://example.com/made-up/{n}"),
            )
        });
        let body = Value::from_iter(views).to_string();
        assert_eq!(
            system.send_beacon(&[], body).await.status,
            StatusCode::ACCEPTED
        );
    }
    system
        .until_web("select count(*) from open_page_views", 200)
        .await;
    let paths = "select count(distinct path) from open_page_views";
    assert_eq!(system.web_figure(paths).await, 101);
    let other = "select count(*) from open_page_views where path = '(other)'";
    assert_eq!(system.web_figure(other).await, 100);
    let pages = system
        .rows_of("traffic/pages?since=1h&class=all&limit=1")
        .await;
    assert_eq!(
        (&pages[0]["path"], &pages[0]["views"]),
        (&json!("(other)"), &json!(100))
    );
}

#[tokio::test]
async fn made_up_sources_fill_no_tables() {
    let system = System::with(&[SITES, "web.sources_per_day=100"]).await;
    for n in 0..120 {
        // Each is a browser of its own.
        let agent = FIREFOX.replace("Firefox/", &format!("Gecko{n}/1 Firefox/"));
        let mut view = view(&format!("{n:04}"), "https://example.com/");
        match n % 2 {
            0 => view["r"] = json!(format!("https://made-up-{n}.example/")),
            _ => view["u"] = json!(format!("https://example.com/?utm_source=made-up-{n}")),
        }
        let headers = [("user-agent", agent.as_str())];
        let sent = system
            .send_beacon(&headers, json!([view]).to_string())
            .await;
        assert_eq!(sent.status, StatusCode::ACCEPTED);
    }
    let open = "select count(*) from open_sessions";
    system.until_web(open, 120).await;
    let told = "select count(distinct (source, referrer)) from open_sessions \
                where source <> '(other)'";
    assert_eq!(system.web_figure(told).await, 100);
    let rest = system
        .rows_of("traffic/sources?since=1h&class=all&by=source&limit=1")
        .await;
    assert_eq!(
        (&rest[0]["source"], &rest[0]["sessions"]),
        (&json!("(other)"), &json!(20))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_reports_does_not_touch_the_gateway() {
    let system = System::with(&[
        PROXY,
        SITES,
        "limits.spool.cap=2MiB",
        "limits.spool.segment=256KiB",
        "web.requests_per_minute=4000000000",
    ])
    .await;
    // Nothing of web traffic can be stored: its spool fills up.
    let mut stuck = system.db.pool().begin().await.unwrap();
    sqlx::query("lock table visitor_state in access exclusive mode")
        .execute(&mut *stuck)
        .await
        .unwrap();
    let title = "t".repeat(400);
    let (mut sent, mut accepted, mut full) = (0, 0, false);
    while !full {
        let views = (0..20).map(|n| {
            json!({"p": format!("flood-{sent:06}-{n:04}"), "n": 0, "t": title, "u": "https://example.com/a"})
        });
        let answer = system
            .send_beacon(&[], Value::from_iter(views).to_string())
            .await;
        match answer.status {
            StatusCode::ACCEPTED => accepted += 20,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_ne!(answer.header("retry-after"), "");
                full = true;
            }
            other => panic!("{other}: {}", answer.text()),
        }
        sent += 1;
        assert!(sent < 2_000, "a bounded spool takes no end of reports");
    }
    let begun = Instant::now();
    for _ in 0..20 {
        let body = json!({"model": "claude-haiku-4-5", "max_tokens": 100});
        let answer = system.post(MESSAGES, "in=10,out=3", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    system
        .until_web("select count(*) from ai_requests", 20)
        .await;
    let deadline = Instant::now() + PATIENCE;
    let ready = loop {
        let ready = readiness(system.addr).await.unwrap();
        // On a busy machine the database may be slow to answer just then.
        if ready["status"] == "ready" || Instant::now() > deadline {
            break ready;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(ready["web"]["events_stored"], 0, "{ready}");
    assert!(
        ready["web"]["spool_backlog_bytes"].as_u64() > Some(100_000),
        "{ready}"
    );
    assert_eq!(ready["status"], "ready", "{ready}");
    stuck.rollback().await.unwrap();
    system
        .until_web("select count(*) from open_page_views", accepted)
        .await;
}

/// Runs the command line in an installation's folder.
fn installed(root: &std::path::Path, system: &System, args: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(cli_bin().unwrap());
    give_audit_keys(&mut command);
    let output = command
        .current_dir(root)
        .args(args)
        .env("DATABASE_URL", system.db.url())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_tables_judge_history_again() {
    let system = System::start().await;
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::create_dir_all(root.join("profiles")).unwrap();
    std::fs::create_dir_all(root.join("services/web")).unwrap();
    let lines: String = (0..6)
        .map(|n| {
            format!(
                "192.0.{n}.1 - - [25/Nov/2015:09:0{n}:00 +0000] \"GET /a HTTP/1.1\" 200 10 \"-\" \"{}\"\n",
                ["Our-Prober/1.0", FIREFOX][n % 2]
            )
        })
        .collect();
    std::fs::write(root.join("access.log"), lines).unwrap();
    let run = |args: &[&str]| installed(root, &system, args);
    let (good, said) = run(&["import", "access-log", "access.log"]);
    assert!(good && said.contains("6 stored"), "{said}");
    let classes =
        "select count(*) from user_sessions where bot_operator = 'Us' and class = 'known_bot'";
    assert_eq!(system.web_figure(classes).await, 0);
    let version = async || {
        let sql = "select string_agg(distinct rule_version, ' ') from user_sessions";
        let version: String = sqlx::query_scalar(sql)
            .fetch_one(system.db.pool())
            .await
            .unwrap();
        version
    };
    let before = version().await;

    let table = root.join("services/web/bots.yaml");
    std::fs::write(
        &table,
        "version: 2099-01-01\nknown:\n  monitorin: {Us: [Our-Prober]}\n",
    )
    .unwrap();
    let (good, said) = run(&["config", "check"]);
    assert!(
        !good && said.contains("services/web/bots.yaml:3: known"),
        "{said}"
    );
    std::fs::write(
        &table,
        "version: 2099-01-01\nknown:\n  monitoring: {Us: [Our-Prober]}\n",
    )
    .unwrap();
    let (good, said) = run(&["config", "check"]);
    assert!(good, "{said}");
    let (good, said) = run(&["infra", "jobs", "run", "reclassify_sessions"]);
    assert!(good && said.contains("judged 6 sessions"), "{said}");
    assert_eq!(system.web_figure(classes).await, 3);
    let after = version().await;
    assert_ne!(before, after);
    assert!(
        after.starts_with("2099-01-01-") && !after.contains(' '),
        "{after}"
    );
    let counted = "select sum(sessions) from web_day where cube = 'bot' and d2 = 'Us'";
    assert_eq!(system.web_figure(counted).await, 3);
    let (good, said) = run(&["infra", "jobs", "run", "reclassify_sessions"]);
    assert!(good && said.contains("all sessions were judged"), "{said}");
    let (good, said) = run(&["infra", "db", "check"]);
    assert!(good, "{said}");
    // The days are long past what is kept of other detail, and still judged whole.
    sqlx::query("insert into retained (what, kept_from) values ('detail', now())")
        .execute(system.db.pool())
        .await
        .unwrap();
    std::fs::remove_file(&table).unwrap();
    let (good, said) = run(&["infra", "jobs", "run", "reclassify_sessions"]);
    assert!(good && said.contains("judged 6 sessions"), "{said}");
    assert_eq!(
        (system.web_figure(classes).await, version().await),
        (0, before)
    );
}

#[tokio::test]
async fn jobs_close_sessions_and_count_content() {
    let system = System::with(&[
        SITES,
        "scheduler.jobs.session_closing.schedule='* * * * * *'",
        "scheduler.jobs.content_analytics_aggregation.schedule='* * * * * *'",
    ])
    .await;
    let body = json!([
        view("a", "https://example.com/blog/a"),
        engagement("a", 1, 12_000)
    ]);
    system.send_beacon(&[], body.to_string()).await;
    system
        .until_web("select count(*) from open_sessions", 1)
        .await;
    // An hour passes, for all of it at once; it may have been yesterday.
    let earlier = "begin; \
        select make_day(t, ((now() - interval '1 hour') at time zone 'UTC')::date) \
            from unnest(array['user_sessions', 'page_views', 'engagement_events']) as t; \
        update open_sessions set started_at = started_at - interval '1 hour', \
            last_seen_at = last_seen_at - interval '1 hour'; \
        update open_page_views set created_at = created_at - interval '1 hour'; \
        commit";
    sqlx::raw_sql(earlier)
        .execute(system.db.pool())
        .await
        .unwrap();
    system
        .until_web("select count(*) from user_sessions", 1)
        .await;
    system
        .until_web(
            "select count(*) from content_performance_metrics where total_views = 1",
            1,
        )
        .await;
    let runs = "select count(distinct job) from job_runs where state = 'succeeded' \
                and job in ('session_closing', 'content_analytics_aggregation')";
    system.until_web(runs, 2).await;
    // What waits in another server's spool may belong to a session that looks over.
    system
        .send_beacon(&[], view("b", "https://example.com/b").to_string())
        .await;
    system
        .until_web("select count(*) from open_sessions", 1)
        .await;
    sqlx::query(
        "insert into spool_cursors (spool_id, lane, segment, position, updated_at, stored_to) \
         values (gen_random_uuid(), 'public', 1, 1, now(), now() - interval '2 hours')",
    )
    .execute(system.db.pool())
    .await
    .unwrap();
    sqlx::query("update open_sessions set last_seen_at = last_seen_at - interval '1 hour', started_at = started_at - interval '1 hour'")
        .execute(system.db.pool())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        system
            .web_figure("select count(*) from open_sessions")
            .await,
        1
    );
    sqlx::query("update spool_cursors set stored_to = null")
        .execute(system.db.pool())
        .await
        .unwrap();
    system
        .until_web("select count(*) from user_sessions", 2)
        .await;
}

#[tokio::test]
async fn tables_are_read_again_on_sighup() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::create_dir_all(root.join("profiles")).unwrap();
    std::fs::create_dir_all(root.join("services/web")).unwrap();
    let mut system = System::start().await;
    let mut command = command(system.storage.path(), &system.upstream.url()).unwrap();
    command
        .current_dir(root)
        .args(["--database-url", &system.db.url(), "--set", SITES]);
    system.server.sigterm().unwrap();
    system.server.wait_exit(PATIENCE).await.unwrap();
    system.server = ServerProcess::spawn(command).await.unwrap();
    system.addr = system.server.addr().unwrap();
    let bots = "select count(*) from open_sessions where bot_operator = 'Us'";
    let probe = async |n: u32| {
        let agent = format!("Mozilla/5.0 Our-Prober/{n}");
        let body = view(&n.to_string(), "https://example.com/a").to_string();
        let answer = system.send_beacon(&[("user-agent", &agent)], body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let stored = "select count(*) from open_sessions";
        system.until_web(stored, i64::from(n)).await;
    };
    let said = async |text: &str| {
        let deadline = Instant::now() + PATIENCE;
        while !system.server.stderr().contains(text) {
            assert!(Instant::now() < deadline, "{}", system.server.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    probe(1).await;
    assert_eq!(system.web_figure(bots).await, 0);
    let table = root.join("services/web/bots.yaml");
    std::fs::write(
        &table,
        "version: 2099-01-01\nknown: {monitorin: {Us: [Our-Prober]}}\n",
    )
    .unwrap();
    system.server.signal(Signal::HUP).unwrap();
    said("services/web/bots.yaml:2: known").await;
    std::fs::write(
        &table,
        "version: 2099-01-01\nknown: {monitoring: {Us: [Our-Prober]}}\n",
    )
    .unwrap();
    system.server.signal(Signal::HUP).unwrap();
    said("was read again and is in force").await;
    probe(2).await;
    assert_eq!(system.web_figure(bots).await, 1);
    let audited = "select count(*) from audit_events where event = 'config_changed'";
    assert!(system.web_figure(audited).await >= 1);
}
