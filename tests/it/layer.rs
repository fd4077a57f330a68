//! A service of somebody else's, which counts its own pages with a layer.

use std::convert::Infallible;
use std::time::Duration;

use hyper::{Request, Response, StatusCode};
use systemprompt_capture::page_views::{Asked, Client, PageViewLayer};
use systemprompt_capture::{Recorder, Spool, SpoolOptions};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::web::Visitor;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_storage::Writer;
use systemprompt_testkit::db::TestDb;
use tower::{Layer as _, ServiceExt as _, service_fn};
use uuid::Uuid;

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
