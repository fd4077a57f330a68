//! Web traffic against a real database: sessions by the times of events, each thing
//! counted once.

mod content;
mod import;
mod oracle;
mod sessions;

use std::sync::LazyLock;

use sqlx::AssertSqlSafe;
use systemprompt_capture::Spool;
use systemprompt_domain::Event;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::web::{Engagement, Hints, PageView, Source, Visit, Visitor, WebEvent};
use systemprompt_storage::check::check;
use systemprompt_storage::web::close::close;
use systemprompt_storage::web::{Bounds, Judge, JudgeInForce};
use systemprompt_testkit::db::TestDb;
use tempfile::TempDir;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::writer::{spool, writer};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// One today for all tests, so that midnight may pass meanwhile.
static TODAY: LazyLock<Date> = LazyLock::new(|| OffsetDateTime::now_utc().date());

/// A moment of yesterday, so that nothing is too old for the quarters.
fn noon() -> OffsetDateTime {
    TODAY.midnight().assume_utc() - Duration::DAY + Duration::hours(12)
}

fn visitor(n: u128) -> Visitor {
    Visitor {
        today: Uuid::from_u128(n),
        before: None,
    }
}

fn visit(who: Option<Visitor>, at: OffsetDateTime, events: Vec<WebEvent>) -> Visit {
    Visit {
        at,
        site: "example.com".to_owned(),
        source: Source::Tracker,
        visitor: who,
        user_agent: FIREFOX.to_owned(),
        language: "en".to_owned(),
        country: "DE".to_owned(),
        region: String::new(),
        headers: None,
        hints: Hints::default(),
        screen: Some((1_920, 1_080)),
        automated: false,
        by_address: false,
        events,
    }
}

fn view(id: u128, path: &str) -> WebEvent {
    WebEvent::View(PageView {
        id: Uuid::from_u128(id),
        path: path.to_owned(),
        title: format!("Title of {path}"),
        ..PageView::default()
    })
}

fn engagement(id: u128, seq: u32, path: &str, engaged_ms: u32) -> WebEvent {
    WebEvent::Engagement(Engagement {
        page_view: Uuid::from_u128(id),
        seq,
        path: path.to_owned(),
        engaged_ms,
        max_scroll: 40,
        clicks: 1,
        ..Engagement::default()
    })
}

/// A server's lane and the database.
struct Lane {
    db: TestDb,
    spool: Spool,
    _folder: TempDir,
}

impl Lane {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            db: TestDb::new().await,
            spool: spool(folder.path()),
            _folder: folder,
        }
    }

    /// Stores visits in one batch.
    async fn store(&self, visits: &[Visit]) {
        self.store_within(Bounds::default(), visits).await;
    }

    /// The same by a server that tells so many pages and sources apart.
    async fn store_within(&self, bounds: Bounds, visits: &[Visit]) {
        record(&self.spool, visits).await;
        let writer = writer(&self.db, &self.spool, BootId::new()).await;
        let mut writer = writer.with_web(JudgeInForce::default(), bounds);
        writer.drain().await.expect("stored");
        let dead = writer
            .stats()
            .dead_letters
            .load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(dead, 0);
    }

    async fn close(&self) -> u64 {
        let now = OffsetDateTime::now_utc() + Duration::HOUR;
        let judge = Judge::built_in();
        close(self.db.pool(), &judge, now)
            .await
            .expect("closed")
            .expect("nobody else closes")
    }

    /// Every count is the sum of the rows that it stands for.
    async fn check(&self) {
        let checked = check(self.db.pool()).await.expect("checked");
        let differences: Vec<String> = checked
            .differences
            .iter()
            .map(ToString::to_string)
            .take(5)
            .collect();
        assert_eq!(differences, [""; 0]);
    }

    async fn number(&self, sql: &str) -> i64 {
        number(&self.db, sql).await
    }
}

async fn number(db: &TestDb, sql: &str) -> i64 {
    let sql = format!("select ({sql})::bigint");
    sqlx::query_scalar::<_, Option<i64>>(AssertSqlSafe(sql))
        .fetch_one(db.pool())
        .await
        .expect("a figure")
        .unwrap_or(-1)
}

async fn record(spool: &Spool, visits: &[Visit]) {
    for visit in visits {
        let event = Event::Web(Box::new(visit.clone()));
        spool.append(&serde_json::to_vec(&event).expect("JSON"), false);
    }
    assert!(spool.flush().await);
}
