//! Traffic of the past: each line once, sessions as an account in memory makes
//! them, and kept longer than other detail.

use systemprompt_domain::web::{Hit, Source, Visit, WebEvent};
use systemprompt_storage::retention::Retention;
use systemprompt_storage::web::Judge;
use systemprompt_storage::web::import::Import;
use systemprompt_testkit::db::TestDb;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Lane, noon, number, view, visit, visitor};

fn line(n: u128, at: OffsetDateTime, target: &str) -> Visit {
    let hit = Hit {
        id: Uuid::from_u128(n),
        method: "GET".to_owned(),
        target: target.to_owned(),
        referrer: String::new(),
        status: 200,
    };
    Visit {
        source: Source::Log,
        screen: None,
        ..visit(Some(visitor(n / 4)), at, vec![WebEvent::Hit(hit)])
    }
}

fn log(days_ago: i64) -> Vec<Visit> {
    let begin = noon() - Duration::days(days_ago);
    (0..40_u128)
        .map(|n| {
            let at = begin + Duration::minutes(i64::try_from(n).expect("small") * 13);
            line(
                n + 1_000 * u128::try_from(days_ago).expect("positive"),
                at,
                ["/", "/a.css", "/b"][(n % 3) as usize],
            )
        })
        .collect()
}

#[tokio::test]
async fn lines_are_stored_once() {
    let db = TestDb::new().await;
    let now = OffsetDateTime::now_utc();
    let mut import = Import::new(db.pool().clone(), Judge::built_in(), now);
    let lines = log(400);
    let (first, rest) = lines.split_at(25);
    assert_eq!(import.store(first.to_vec()).await.expect("stored"), 25);
    // It was interrupted, and starts again.
    let mut import = Import::new(db.pool().clone(), Judge::built_in(), now);
    assert_eq!(import.store(first.to_vec()).await.expect("stored"), 0);
    assert_eq!(import.store(rest.to_vec()).await.expect("stored"), 15);
    let closed = import.finish().await.expect("closed");
    let figures = "select concat_ws(' ', sum(sessions), sum(requests), sum(pages), sum(visitors)) \
                   from web_day where cube = 'total'";
    let text = async || {
        let text: String = sqlx::query_scalar(figures)
            .fetch_one(db.pool())
            .await
            .expect("figures");
        text
    };
    let once = text().await;
    assert_eq!(once, format!("{closed} 40 27 10"));
    let mut import = Import::new(db.pool().clone(), Judge::built_in(), now);
    assert_eq!(import.store(lines).await.expect("stored"), 0);
    assert_eq!(import.finish().await.expect("closed"), 0);
    assert_eq!(text().await, once);
    assert_eq!(number(&db, "select count(*) from page_views").await, 40);
}

#[tokio::test]
async fn imports_outlast_other_detail() {
    let lane = Lane::new().await;
    let now = OffsetDateTime::now_utc();
    let old = noon() - Duration::days(100);
    lane.store(&[visit(Some(visitor(1)), old, vec![view(1, "/")])])
        .await;
    lane.close().await;
    let mut import = Import::new(lane.db.pool().clone(), Judge::built_in(), now);
    import.store(log(100)).await.expect("stored");
    import.store(log(300)).await.expect("stored");
    import.finish().await.expect("closed");
    let rows = "select count(*) from page_views";
    assert_eq!(lane.number(rows).await, 81);
    let keep = Retention {
        detail_days: 90,
        audit_days: None,
        imported_days: None,
    };
    let apply = async |keep: Retention| {
        let done = keep
            .apply(lane.db.pool(), crate::retention::on(now), |_| {})
            .await
            .expect("applied");
        assert_eq!(done.expect("nobody else").busy, [""; 0]);
    };
    apply(keep).await;
    assert_eq!(lane.number(rows).await, 80, "what was not imported is gone");
    apply(keep.with_imported(Some(200))).await;
    assert_eq!(lane.number(rows).await, 40);
    assert_eq!(lane.number("select count(*) from imported_days").await, 1);
    let sessions = lane
        .number("select sum(sessions) from web_day where cube = 'total'")
        .await;
    assert!(sessions > 20, "totals stay: {sessions}");
}
