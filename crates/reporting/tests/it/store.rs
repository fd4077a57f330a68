//! A database with a history in it, and questions written as they are over
//! HTTP.

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgPool;
use systemprompt_config::Alert;
use systemprompt_domain::Clock;
use systemprompt_reporting::{Answer, Ctx, Result, Scope, Settings, find};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;

/// The now of every test; a Wednesday.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);

/// A database and a caller.
pub(crate) struct Store {
    db: TestDb,
    ctx: Ctx,
}

impl Store {
    /// A database without any requests.
    pub(crate) async fn empty() -> Self {
        let db = TestDb::new().await;
        let ctx = Ctx {
            pool: db.pool().clone(),
            settings: Arc::default(),
            scope: Scope::everything(),
            clock: Clock::Fixed(NOW),
        };
        Self { db, ctx }
    }

    /// The history of `history.sql`, `activity.sql`, `tools.sql` and `web.sql`.
    pub(crate) async fn new() -> Self {
        let store = Self::empty().await;
        for sql in [
            include_str!("history.sql"),
            include_str!("rollups.sql"),
            include_str!("begun.sql"),
            include_str!("activity.sql"),
            include_str!("tools.sql"),
            include_str!("web.sql"),
        ] {
            sqlx::raw_sql(sql)
                .execute(store.pool())
                .await
                .expect("the history");
        }
        store
    }

    /// The same database, where the alerts of `alerts.json` came to what
    /// `alerts.sql` says.
    pub(crate) async fn with_alerts(mut self) -> Self {
        let alerts: Vec<Alert> =
            serde_json::from_str(include_str!("alerts.json")).expect("alerts as in a profile");
        let settings = Settings {
            alerts,
            ..(*self.ctx.settings).clone()
        };
        self.ctx.settings = Arc::new(settings);
        sqlx::raw_sql(include_str!("alerts.sql"))
            .execute(self.pool())
            .await
            .expect("what they came to");
        self
    }

    /// The same database at another time.
    pub(crate) fn at(mut self, now: OffsetDateTime) -> Self {
        self.ctx.clock = Clock::Fixed(now);
        self
    }

    /// The same database, seen by an agent.
    pub(crate) fn seen_by(mut self, agent: &str) -> Self {
        self.ctx.scope = Scope::agent(agent);
        self
    }

    /// The same database under another profile.
    pub(crate) fn under(mut self, settings: Settings) -> Self {
        self.ctx.settings = Arc::new(settings);
        self
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.db.pool()
    }

    pub(crate) async fn try_ask(&self, question: &str) -> Result<Answer<Value>> {
        let (path, query) = question.split_once('?').unwrap_or((question, ""));
        let path: Vec<_> = path.split('/').collect();
        let entry = find(&path).unwrap_or_else(|| panic!("no question {path:?}"));
        entry.run(&self.ctx, entry.decode(query)?).await
    }

    /// Asks `costs/summary?since=7d&model=a`.
    pub(crate) async fn ask(&self, question: &str) -> Answer<Value> {
        self.try_ask(question)
            .await
            .unwrap_or_else(|error| panic!("{question}: {error:?}"))
    }

    /// The first row of the answer.
    pub(crate) async fn row(&self, question: &str) -> Value {
        self.ask(question)
            .await
            .rows
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("{question}: no row"))
    }
}
