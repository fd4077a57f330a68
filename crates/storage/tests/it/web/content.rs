//! Content: discovered or registered, and counted again to the same figures.

use systemprompt_storage::web::content::{NewContent, Registered, aggregate, register, remove};
use systemprompt_web::Rules;
use time::{Duration, OffsetDateTime};

use super::{Lane, engagement, noon, view, visit, visitor};

const FIGURES: &str = "select string_agg(concat_ws(' ', c.path, c.title, c.origin, m.total_views, \
    m.unique_visitors, m.avg_time_seconds, m.avg_scroll, m.clicks, m.views_last_7_days, \
    m.views_last_30_days, m.trend_direction, m.is_new), E'\\n' order by c.path) \
    from content_items c join content_performance_metrics m on m.content_id = c.id";

async fn figures(lane: &Lane) -> String {
    sqlx::query_scalar(FIGURES)
        .fetch_one(lane.db.pool())
        .await
        .expect("figures")
}

#[tokio::test]
async fn figures_made_again_are_the_same() {
    let lane = Lane::new().await;
    let rules = Rules::built_in();
    let now = OffsetDateTime::now_utc();
    let about = NewContent {
        site: "example.com".to_owned(),
        path: "/about".to_owned(),
        title: "About".to_owned(),
        kind: String::new(),
    };
    let made = register(
        lane.db.pool(),
        std::slice::from_ref(&about),
        Some("ada"),
        now,
    )
    .await;
    assert!(matches!(
        made.expect("registered")[..],
        [Registered::Created(_)]
    ));
    let again = register(
        lane.db.pool(),
        std::slice::from_ref(&about),
        Some("ada"),
        now,
    )
    .await;
    assert!(matches!(again.expect("known")[..], [Registered::Same(_)]));

    for day in 0..3_u128 {
        let days = Duration::days(i64::try_from(day).expect("small"));
        let visits: Vec<_> = (0..12_u128)
            .map(|n| {
                let id = day * 100 + n + 1;
                let path = ["/about", "/blog/first", "/nothing"][(n % 3) as usize];
                let events = vec![
                    view(id, path),
                    engagement(id, 1, path, 2_000 + 500 * id as u32),
                ];
                let at = noon() - days + Duration::minutes(i64::try_from(n).expect("small"));
                visit(Some(visitor(id)), at, events)
            })
            .collect();
        lane.store(&visits).await;
        lane.close().await;
        let done = aggregate(lane.db.pool(), rules, now, false).await;
        let done = done.expect("aggregated").expect("nobody else");
        assert_eq!(done.discovered, usize::from(day == 0), "/blog/first");
        assert_eq!(done.updated, 2);
    }
    let idle = aggregate(lane.db.pool(), rules, now, false).await;
    assert_eq!(idle.expect("aggregated").expect("nobody else").updated, 0);
    let incremental = figures(&lane).await;
    assert!(
        incremental.contains("/about About registered 12 12"),
        "{incremental}"
    );
    assert!(
        incremental.contains("/blog/first Title of /blog/first discovered 12 12"),
        "{incremental}"
    );
    sqlx::query("update content_performance_metrics set total_views = -1, clicks = 77")
        .execute(lane.db.pool())
        .await
        .expect("broken");
    let rebuilt = aggregate(lane.db.pool(), rules, now, true).await;
    assert_eq!(
        rebuilt.expect("aggregated").expect("nobody else").updated,
        2
    );
    assert_eq!(figures(&lane).await, incremental);

    let gone = remove(lane.db.pool(), "example.com", "/about", Some("ada"), now).await;
    assert!(gone.expect("removed"));
    let gone = remove(lane.db.pool(), "example.com", "/about", Some("ada"), now).await;
    assert!(!gone.expect("asked"), "it was none any more");
    let audited =
        "select count(*) from audit_events where event in ('content_created', 'content_deleted')";
    assert_eq!(lane.number(audited).await, 3);
}
