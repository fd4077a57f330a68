//! What makes one session, and what its end adds.

use std::sync::Arc;

use systemprompt_domain::ids::BootId;
use systemprompt_domain::web::{PageView, Visitor, WebEvent};
use systemprompt_storage::web::close::close;
use systemprompt_storage::web::reclassify::reclassify;
use systemprompt_storage::web::{Bounds, Judge};
use systemprompt_testkit::db::TestDb;
use systemprompt_web::Rules;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Lane, engagement, noon, number, record, view, visit, visitor};
use crate::writer::{spool, writer};

#[tokio::test]
async fn a_hundred_first_events_at_once_make_one_session() {
    let db = TestDb::new().await;
    let folders: Vec<_> = (0..10)
        .map(|_| tempfile::tempdir().expect("a folder"))
        .collect();
    let mut writers = Vec::new();
    for (n, folder) in (0_u128..).zip(&folders) {
        let spool = spool(folder.path());
        let visits: Vec<_> = (0..10)
            .map(|i| visit(Some(visitor(7)), noon(), vec![view(1 + n * 10 + i, "/")]))
            .collect();
        record(&spool, &visits).await;
        writers.push(writer(&db, &spool, BootId::new()).await);
    }
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut writer| tokio::spawn(async move { writer.drain().await }))
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("stored");
    }
    assert_eq!(number(&db, "select count(*) from open_sessions").await, 1);
    assert_eq!(
        number(&db, "select sum(pages) from open_sessions").await,
        100
    );
    assert_eq!(
        number(&db, "select count(*) from open_page_views").await,
        100
    );
}

#[tokio::test]
async fn half_an_hour_of_silence_ends_a_session() {
    for (silence, sessions) in [
        (Duration::seconds(29 * 60 + 59), 1),
        (Duration::seconds(30 * 60), 1),
        (Duration::seconds(30 * 60 + 1), 2),
    ] {
        for together in [true, false] {
            let lane = Lane::new().await;
            let first = visit(Some(visitor(1)), noon(), vec![view(1, "/")]);
            let second = visit(Some(visitor(1)), noon() + silence, vec![view(2, "/b")]);
            if together {
                lane.store(&[first, second]).await;
            } else {
                // In whatever order they come.
                lane.store(&[second]).await;
                lane.store(&[first]).await;
            }
            let found = lane.number("select count(*) from open_sessions").await;
            assert_eq!(found, sessions, "{silence} {together}");
        }
    }
}

#[tokio::test]
async fn midnight_makes_nobody_two_people() {
    let lane = Lane::new().await;
    let midnight = noon() + Duration::hours(12);
    let of_day = |today, before: Option<u128>| Visitor {
        today: Uuid::from_u128(today),
        before: before.map(Uuid::from_u128),
    };
    let evening = visit(
        Some(of_day(1, None)),
        midnight - Duration::minutes(5),
        vec![view(1, "/")],
    );
    let night = visit(
        Some(of_day(2, Some(1))),
        midnight + Duration::minutes(5),
        vec![view(2, "/b"), engagement(2, 1, "/b", 4_000)],
    );
    lane.store(&[evening]).await;
    lane.store(&[night]).await;
    // Whoever goes on is known by the hash of the new day alone.
    let later = visit(
        Some(of_day(2, None)),
        midnight + Duration::minutes(20),
        vec![view(3, "/c")],
    );
    lane.store(&[later]).await;
    assert_eq!(lane.number("select count(*) from open_sessions").await, 1);
    assert_eq!(lane.close().await, 1);
    lane.check().await;
    let total = "from web_day where cube = 'total'";
    assert_eq!(
        lane.number(&format!("select sum(sessions) {total}")).await,
        1
    );
    assert_eq!(
        lane.number(&format!("select sum(visitors) {total}")).await,
        1
    );
    assert_eq!(lane.number("select sum(pages) from user_sessions").await, 3);
}

#[tokio::test]
async fn what_comes_twice_counts_once() {
    let lane = Lane::new().await;
    let at = |seconds| noon() + Duration::seconds(seconds);
    let who = Some(visitor(1));
    let events = [
        visit(who, at(0), vec![view(1, "/")]),
        visit(who, at(10), vec![engagement(1, 1, "/", 9_000)]),
        visit(who, at(20), vec![engagement(1, 2, "/", 8_000)]),
        visit(who, at(30), vec![engagement(1, 3, "/", 7_000)]),
    ];
    // The last report first, even before its view; and everything again.
    for order in [[3, 1], [0, 2], [1, 3], [0, 0], [2, 1]] {
        lane.store(&order.map(|n| events[n].clone())).await;
    }
    assert_eq!(lane.number("select count(*) from open_sessions").await, 1);
    assert_eq!(
        lane.number("select sum(engaged_ms) from open_page_views")
            .await,
        24_000
    );
    assert_eq!(
        lane.number("select count(*) from engagement_events").await,
        3
    );
    assert_eq!(
        lane.number("select sum(clicks) from open_sessions").await,
        3
    );
    lane.close().await;
    lane.check().await;
    assert_eq!(
        lane.number("select sum(engaged_ms) from page_views").await,
        24_000
    );
    assert_eq!(
        lane.number("select sum(requests) from user_sessions").await,
        1
    );
}

#[tokio::test]
async fn a_session_adds_once_when_it_is_over() {
    let lane = Lane::new().await;
    let mut visits = Vec::new();
    for n in 0..40_u128 {
        let at = noon() + Duration::minutes(i64::try_from(n).expect("small") * 11);
        let who = (n % 5 != 4).then(|| visitor(n / 3));
        visits.push(visit(
            who,
            at,
            vec![
                view(n + 1, ["/", "/blog/a", "/blog/b"][(n % 3) as usize]),
                engagement(n + 1, 1, "/", 3_000),
            ],
        ));
    }
    lane.store(&visits).await;
    let figures = "concat_ws(' ', sum(sessions), sum(pages), sum(events), sum(engaged_ms), sum(clicks), \
                   sum(visitors), sum(duration_ms))";
    let of = async |which: &str| {
        let sql = format!("select {figures} from web where cube = 'source' and grain = {which}");
        sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql))
            .fetch_one(lane.db.pool())
            .await
            .expect("figures")
    };
    let before = of("'open'").await;
    let closed = lane.close().await;
    assert!(closed > 20, "{closed}");
    assert_eq!(lane.close().await, 0, "once is enough");
    assert_eq!(lane.number("select count(*) from open_sessions").await, 0);
    assert_eq!(lane.number("select count(*) from open_page_views").await, 0);
    lane.check().await;
    let (quarters, days) = (of("'quarter'").await, of("'day'").await);
    assert_eq!(quarters, days);
    assert_eq!(of("'hour'").await, days);
    // Visitors of several open sessions are told apart only when they close.
    let without_visitors = |figures: &str| {
        let mut all: Vec<_> = figures.split(' ').map(str::to_owned).collect();
        all.remove(5);
        all
    };
    assert_eq!(without_visitors(&before), without_visitors(&days));
    assert_eq!(
        lane.number("select sum(sessions) from web_day where cube = 'total'")
            .await,
        lane.number("select count(*) from user_sessions").await
    );
    assert_eq!(
        lane.number("select sum(visitors) from web_day where cube = 'total'").await,
        lane.number("select count(distinct (visitor, class, started_at::date)) from user_sessions where visitor is not null").await
    );
    assert_eq!(
        lane.number("select sum(views) from page_day where cube = 'page'")
            .await,
        lane.number("select count(*) from page_views where counted")
            .await
    );
    for edge in ["entries", "exits"] {
        assert_eq!(
            lane.number(&format!(
                "select sum({edge}) from page_day where cube = 'page'"
            ))
            .await,
            lane.number("select count(*) from user_sessions").await
        );
    }
}

#[tokio::test]
async fn who_asks_not_to_be_tracked_is_counted_without_identity() {
    let lane = Lane::new().await;
    let views = [
        visit(
            None,
            noon(),
            vec![view(1, "/"), engagement(1, 1, "/", 5_000)],
        ),
        visit(None, noon(), vec![view(2, "/")]),
        visit(
            None,
            noon() + Duration::minutes(1),
            vec![engagement(1, 2, "/", 1_000)],
        ),
    ];
    lane.store(&views).await;
    lane.close().await;
    assert_eq!(lane.number("select count(*) from page_views").await, 2);
    assert_eq!(
        lane.number("select count(visitor) from user_sessions")
            .await,
        0
    );
    assert_eq!(lane.number("select sum(visitors) from web_day").await, 0);
    assert_eq!(
        lane.number("select max(engaged_ms) from user_sessions")
            .await,
        6_000
    );
}

/// Every count of web traffic, as text.
async fn counts(lane: &Lane) -> String {
    let mut all = String::new();
    for (table, figure) in [
        ("web_quarter", "sessions"),
        ("web_hour", "sessions"),
        ("web_day", "sessions"),
        ("page_quarter", "views"),
        ("page_hour", "views"),
        ("page_day", "views"),
        ("page_week", "views"),
    ] {
        let sql = format!(
            "select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from {table} t where {figure} <> 0"
        );
        let text: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(lane.db.pool())
            .await
            .expect("counts");
        all.push_str(&text);
        all.push('\n');
    }
    all
}

#[tokio::test]
async fn judging_again_is_as_if_it_had_been_judged_so() {
    let own = "version: \"2\"\nknown: {monitoring: {Us: [our-prober]}}";
    let rules = Rules::load(&[("bots.yaml", own)]).expect("rules");
    let changed = Judge::new(Arc::new(rules));
    let mut visits = Vec::new();
    for n in 0..30_u128 {
        let at = noon() + Duration::minutes(i64::try_from(n).expect("small") * 9);
        let mut one = visit(
            Some(visitor(n / 2)),
            at,
            vec![
                view(n + 1, ["/", "/a"][(n % 2) as usize]),
                engagement(n + 1, 1, "/", 4_000),
            ],
        );
        if n % 3 == 0 {
            one.user_agent =
                "our-prober/1.0 Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0".to_owned();
        }
        visits.push(one);
    }
    let now = OffsetDateTime::now_utc() + Duration::HOUR;
    let [again, from_the_start] = [Lane::new().await, Lane::new().await];
    for (lane, judge) in [
        (&again, Judge::built_in()),
        (&from_the_start, changed.clone()),
    ] {
        lane.store(&visits).await;
        close(lane.db.pool(), &judge, now).await.expect("closed");
    }
    let before = counts(&again).await;
    let done = reclassify(again.db.pool(), &changed, noon().date(), now).await;
    let done = done.expect("judged").expect("all is kept");
    assert_eq!(done.sessions, 15);
    assert!(done.changed > 0 && done.changed < 15, "{done:?}");
    let after = counts(&again).await;
    assert_ne!(after, before);
    assert_eq!(after, counts(&from_the_start).await);
    again.check().await;
    let back = reclassify(again.db.pool(), &Judge::built_in(), noon().date(), now).await;
    assert_eq!(
        back.expect("judged").expect("all is kept").changed,
        done.changed
    );
    assert_eq!(counts(&again).await, before);
}

/// Sessions by channel, source and referrer.
async fn sources(lane: &Lane, table: &str) -> Vec<(String, i64)> {
    let sql = format!(
        "select name, count(*) \
         from (select concat_ws(' ', channel, source, referrer) collate \"C\" as name from {table}) as named \
         group by 1 order by 1"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_all(lane.db.pool())
        .await
        .expect("sessions")
}

#[tokio::test]
async fn sources_beyond_the_bound_are_one() {
    let lane = Lane::new().await;
    let arrived = |n: u128, query: &str, referrer: &str| {
        let view = WebEvent::View(PageView {
            id: Uuid::from_u128(n),
            path: "/".to_owned(),
            query: query.to_owned(),
            referrer: referrer.to_owned(),
            ..PageView::default()
        });
        let at = noon() + Duration::seconds(i64::try_from(n).expect("small"));
        visit(Some(visitor(n)), at, vec![view])
    };
    let visits = [
        arrived(1, "", "https://one.example/"),
        arrived(2, "utm_source=two", ""),
        arrived(3, "", "https://three.example/"),
        arrived(
            4,
            "utm_source=four&utm_medium=email",
            "https://four.example/",
        ),
        arrived(5, "", "https://one.example/"),
        arrived(6, "", ""),
        arrived(7, "utm_source=seven", ""),
    ];
    lane.store_within(Bounds::new(100, 2), &visits).await;
    let expected = [
        ("direct  ", 1),
        ("email (other) (other)", 1),
        ("referral (other) ", 1),
        ("referral (other) (other)", 1),
        ("referral one.example one.example", 2),
        ("referral two ", 1),
    ]
    .map(|(source, n)| (source.to_owned(), n));
    assert_eq!(sources(&lane, "open_sessions").await, expected);

    // Another server, or the same after a restart, which has room again.
    let at = noon() + Duration::minutes(5);
    let on = |n| visit(Some(visitor(n)), at, vec![engagement(n, 1, "/", 4_000)]);
    lane.store(&[on(1), on(3), on(4)]).await;
    assert_eq!(sources(&lane, "open_sessions").await, expected);
    assert_eq!(lane.close().await, 7);
    assert_eq!(sources(&lane, "user_sessions").await, expected);
    lane.check().await;

    // Nor are they told apart when they are judged again.
    let (day, now) = (noon().date(), OffsetDateTime::now_utc() + Duration::HOUR);
    let done = reclassify(lane.db.pool(), &Judge::built_in(), day, now).await;
    let done = done.expect("judged").expect("all is kept");
    assert_eq!((done.sessions, done.changed), (7, 0));
    assert_eq!(sources(&lane, "user_sessions").await, expected);
}
