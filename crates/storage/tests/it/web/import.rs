//! Traffic of the past: each line once, sessions as an account in memory makes
//! them, and kept longer than other detail.

use systemprompt_domain::web::{Hit, Source, Visit, WebEvent};
use systemprompt_storage::retention::Retention;
use systemprompt_storage::web::import::Import;
use systemprompt_storage::web::{Bounds, Judge};
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

async fn begin(db: &TestDb) -> Import {
    let now = OffsetDateTime::now_utc();
    Import::begin(db.pool(), Judge::built_in(), Bounds::default(), now)
        .await
        .expect("begun")
}

#[tokio::test]
async fn lines_are_stored_once() {
    let db = TestDb::new().await;
    let lines = log(400);
    let (first, rest) = lines.split_at(25);
    // It was interrupted: nothing is there by half.
    let mut import = begin(&db).await;
    assert_eq!(import.take(first.to_vec()).await.expect("taken"), 25);
    assert_eq!(import.take(first.to_vec()).await.expect("taken"), 0);
    drop(import);
    assert_eq!(
        number(&db, "select count(*) from page_views").await,
        number(&db, "select coalesce(sum(requests), 0) from user_sessions").await
    );
    let mut import = begin(&db).await;
    import.take(first.to_vec()).await.expect("taken");
    assert_eq!(import.take(rest.to_vec()).await.expect("taken"), 15);
    let closed = import.finish().await.expect("stored");
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
    let mut import = begin(&db).await;
    assert_eq!(import.take(lines).await.expect("taken"), 0);
    assert_eq!(import.finish().await.expect("stored"), 0);
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
    let mut import = begin(&lane.db).await;
    import.take(log(100)).await.expect("taken");
    import.take(log(300)).await.expect("taken");
    import.finish().await.expect("stored");
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

#[tokio::test]
async fn visitors_of_days_that_are_not_an_imports_alone_are_counted_again() {
    let lane = Lane::new().await;
    // Yesterday, with a live visit that is closed, and lines of the same visitor.
    let live = visit(
        Some(visitor(3)),
        noon() - Duration::hours(2),
        vec![view(1, "/")],
    );
    lane.store(&[live]).await;
    lane.close().await;
    // The second import brings more of the visitors of the first.
    let lines = log(0);
    for part in [0..20, 20..40] {
        let mut import = begin(&lane.db).await;
        import.take(lines[part].to_vec()).await.expect("taken");
        import.finish().await.expect("stored");
    }
    lane.check().await;
    let begun = "select count(*) from imported_days where recount";
    assert_eq!(lane.number(begun).await, 0);
    // Whoever comes again on that day is known.
    let visitors = "select sum(visitors) from web_day where cube = 'total'";
    let before = lane.number(visitors).await;
    let again = visit(
        Some(visitor(0)),
        noon() + Duration::hours(11),
        vec![view(2, "/")],
    );
    lane.store(&[again]).await;
    lane.close().await;
    lane.check().await;
    assert!(lane.number(visitors).await <= before + 1);
}

#[tokio::test]
async fn an_import_of_many_days_counts_what_its_rows_say() {
    let lane = Lane::new().await;
    let mut import = begin(&lane.db).await;
    for days_ago in [40, 39, 38, 37, 36, 5, 2, 0] {
        import.take(log(days_ago)).await.expect("taken");
    }
    import.finish().await.expect("stored");
    lane.check().await;
    let quarters = "select count(distinct bucket::date) from web_quarter";
    let late = "select count(distinct started_at::date) from user_sessions where started_at > now() - interval '8 days'";
    assert_eq!(lane.number(quarters).await, lane.number(late).await);
}

/// The rows of counts of every grain, with the visitors of a day that only the import
/// counted.
async fn counts(db: &TestDb) -> Vec<String> {
    let mut counts = Vec::new();
    for table in ["web", "page"] {
        for grain in ["quarter", "hour", "day", "week"] {
            if (table, grain) == ("web", "week") {
                continue;
            }
            let sql = format!("select r::text from {table}_{grain} r order by 1");
            let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_all(db.pool())
                .await
                .expect("rows");
            counts.extend(rows.into_iter().map(|row| format!("{table}_{grain} {row}")));
        }
    }
    counts
}

#[tokio::test]
async fn batches_add_up_to_what_one_would_be() {
    // Visits of two days that overlap: a batch begins in hours that the one before filled.
    let mut lines: Vec<Visit> = [401, 400].into_iter().flat_map(log).collect();
    for n in 0..400_u128 {
        let at = noon() - Duration::days(401) + Duration::minutes(i64::try_from(n).expect("small"));
        let target = ["/", "/b", "/c", "/style.css"][(n % 7 % 4) as usize];
        lines.push(line(100_000 + n, at, target));
    }
    lines.sort_by_key(|line| line.at);
    let mut made = Vec::new();
    for batch in [1_000_000, 30, 1] {
        let db = TestDb::new().await;
        let mut import = begin(&db).await.in_batches_of(batch);
        for part in lines.chunks(20) {
            import.take(part.to_vec()).await.expect("taken");
        }
        import.finish().await.expect("stored");
        made.push(counts(&db).await);
    }
    assert!(made[0].len() > 100, "{:?}", made[0]);
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0], made[2]);
}

#[tokio::test]
async fn whatever_a_log_says_stays_one_value() {
    let db = TestDb::new().await;
    let mut odd = line(1, noon() - Duration::days(400), "/\"{,}\\\\N");
    odd.user_agent = "a\tb\\.\n\r\0c".to_owned();
    let mut import = begin(&db).await;
    assert_eq!(import.take(vec![odd]).await.expect("taken"), 1);
    import.finish().await.expect("stored");
    let (agent, path, landing): (String, Vec<String>, String) =
        sqlx::query_as("select user_agent, path, landing_page from user_sessions")
            .fetch_one(db.pool())
            .await
            .expect("a session");
    assert_eq!(agent, "a\tb\\.\n\r\u{fffd}c");
    assert_eq!(path, [landing]);
}
