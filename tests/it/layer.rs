//! A service of somebody else's, which counts its own pages with a layer.

use std::convert::Infallible;
use std::time::Duration;

use hyper::{Request, Response, StatusCode};
use systemprompt_capture::page_views::{Asked, Client, PageViewLayer};
use systemprompt_capture::{Courier, HttpSink, Recorder, Spool, SpoolOptions};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::web::Visitor;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_storage::Writer;
use systemprompt_testkit::db::TestDb;
use tokio_rustls::rustls::crypto::ring;
use tower::{Layer as _, ServiceExt as _, service_fn};
use uuid::Uuid;

use crate::system::System;

const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

#[tokio::test]
async fn pages_are_counted_where_they_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let db = TestDb::new().await;
    let spool = Spool::open(SpoolOptions {
        dir: folder.path().to_owned(),
        lane: "public",
        cap: 64 << 20,
        segment: 1 << 20,
        keep: Duration::from_secs(3_600),
    })
    .unwrap();
    let recorder = Recorder::new(spool.clone(), Duration::from_secs(1));
    let layer = PageViewLayer::new(recorder, |asked: Asked<'_>| Client {
        visitor: Some(Visitor {
            today: Uuid::from_u128(asked.user_agent.len() as u128),
            before: None,
        }),
        country: "DE".to_owned(),
    });
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let status = match request.uri().path() {
            "/missing" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        Ok::<_, Infallible>(
            Response::builder()
                .status(status)
                .body("untouched")
                .unwrap(),
        )
    }));
    for (path, agent, headers) in [
        ("/?utm_source=news", CRAWLER, vec![]),
        ("/docs/a", CRAWLER, vec![]),
        ("/style.css", CRAWLER, vec![]),
        ("/missing", CRAWLER, vec![]),
        (
            "/docs/b",
            CRAWLER,
            vec![("sec-purpose", "prefetch;prerender")],
        ),
        ("/docs/b", "Firefox", vec![("dnt", "1")]),
    ] {
        let mut request = Request::get(path)
            .header("host", "WWW.Example.com:8443")
            .header("user-agent", agent);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = service
            .clone()
            .oneshot(request.body(()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.into_body(), "untouched");
    }
    assert!(spool.flush().await);
    let pool = db.pool().clone();
    let started = Writer::start(
        pool,
        spool,
        Clock::System,
        BootId::new(),
        Sampling::ALL,
        false,
    );
    started.await.unwrap().drain().await.unwrap();

    let rows: Vec<(String, i32, i32, Vec<String>, bool)> = sqlx::query_as(
        "select class || ' ' || bot_name || ' ' || site, pages, requests, path, visitor is null \
         from open_sessions order by requests desc",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let pages = ["/", "/docs/a"].map(str::to_owned).to_vec();
    assert_eq!(
        rows[0],
        (
            "known_bot Googlebot example.com".to_owned(),
            2,
            4,
            pages,
            false
        )
    );
    assert!(rows[1].4, "who asks not to be tracked has no identity");
    let counted: i64 = sqlx::query_scalar("select count(*) from page_views where counted")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(counted, 3);
}

/// The same of a service that has no database: what it records lies on its disk until
/// a server takes it.
#[tokio::test]
async fn pages_of_another_service_arrive_over_http() {
    let system = System::with(&[
        "server.tokens=[{name: shop, token: shop-0123456789abcdef, scopes: [ingest]}]",
        "web.paths_per_day=100",
    ])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(SpoolOptions {
        dir: folder.path().join("spool"),
        lane: "public",
        cap: 64 << 20,
        segment: 1 << 20,
        keep: Duration::from_secs(3_600),
    })
    .unwrap();
    let recorder = Recorder::new(spool.clone(), Duration::from_secs(1));
    let layer = PageViewLayer::new(recorder, |asked: Asked<'_>| Client {
        visitor: Some(Visitor {
            today: Uuid::from_u128(asked.user_agent.len() as u128),
            before: Some(Uuid::from_u128(7)),
        }),
        country: "DE".to_owned(),
    });
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let status = match request.uri().path() {
            "/missing" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        let answer = Response::builder().status(status).body("untouched");
        Ok::<_, Infallible>(answer.unwrap())
    }));
    for (path, agent) in [
        ("/?utm_source=news", CRAWLER),
        ("/docs/a", CRAWLER),
        ("/missing", CRAWLER),
        ("/docs/\u{7f}\u{e9}", CRAWLER),
        (
            "/docs/b",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
    ] {
        let Ok(request) = Request::get(path)
            .header("host", "shop.example.com")
            .header("user-agent", agent)
            .header("referer", "https://www.google.com/")
            .header("sec-ch-ua-platform", "\"Linux\"")
            .body(())
        else {
            continue;
        };
        service.clone().oneshot(request).await.unwrap();
    }
    assert!(spool.flush().await);
    // Where another test has installed it, it is the same one.
    let _ = ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}", system.addr);
    let sink = |token: &str| HttpSink::new(client.clone(), &base, Some(token.to_owned()));
    let mark = folder.path().join("mark");
    let mut courier = Courier::new(spool.clone(), mark.clone());
    let refused = courier.empty(&sink("shop-fedcba9876543210")).await;
    assert!(refused.unwrap_err().reason.contains("token"));
    let brought = courier.empty(&sink("shop-0123456789abcdef")).await.unwrap();
    assert!(brought >= 4, "{brought}");
    // The mark was lost in a crash: everything comes again and counts once.
    std::fs::remove_file(&mark).unwrap();
    let mut again = Courier::new(spool, mark);
    assert_eq!(
        again.empty(&sink("shop-0123456789abcdef")).await.unwrap(),
        brought
    );
    let rows: Vec<(String, i32, i32, String, String)> = sqlx::query_as(
        "select class || ' ' || bot_name || ' ' || site, pages, requests, referrer, country \
         from open_sessions order by requests desc",
    )
    .fetch_all(system.db.pool())
    .await
    .unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let requests = i32::try_from(brought).unwrap() - 1;
    assert_eq!(
        rows[0],
        (
            "known_bot Googlebot shop.example.com".to_owned(),
            requests - 1,
            requests,
            "google.com".to_owned(),
            "DE".to_owned()
        )
    );
    let seen: i64 = sqlx::query_scalar("select count(*) from page_views")
        .fetch_one(system.db.pool())
        .await
        .unwrap();
    assert_eq!(usize::try_from(seen).unwrap(), brought);
}
