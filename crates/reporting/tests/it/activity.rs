//! Activity and audit events: counts are those of the rows, whatever they are
//! called.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use systemprompt_reporting::{Error, PeriodUsed};

use crate::agreement::{count, period};
use crate::store::Store;

const HOSTILE: &str = "=cmd|' /C calc'!A0";

impl Store {
    /// How many rows of a period meet a condition.
    async fn rows(&self, table: &str, figure: &str, period: &PeriodUsed, condition: &str) -> i64 {
        let sql = format!(
            "select {figure}::bigint from {table} \
             where created_at >= $1 and created_at < $2 and {condition}"
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(period.since.0)
            .bind(period.until.0)
            .fetch_one(self.pool())
            .await
            .expect("a figure")
    }
}

const FAILED: &str = "(category = 'error' or action = 'failed')";

/// Which activity, as a query string and as a condition.
const WHICH: [(&str, &str); 6] = [
    ("", "true"),
    (
        "&category=login&category=error",
        "category in ('login', 'error')",
    ),
    ("&entity_type=skill", "entity_type = 'skill'"),
    ("&user=ada", "user_id = 'ada'"),
    (
        "&user=%3Dcmd%7C%27%20/C%20calc%27%21A0",
        "user_id = '=cmd|'' /C calc''!A0'",
    ),
    (
        "&user=bob&entity_type=plugin&category=tool_usage",
        "user_id = 'bob' and entity_type = 'plugin' and category = 'tool_usage'",
    ),
];

#[tokio::test]
async fn a_summary_counts_the_rows() {
    let store = Store::new().await;
    for since in ["since=24h", "since=9d&until=2d", "since=40d", "since=3h"] {
        for (which, condition) in WHICH {
            let question = format!("activity/summary?{since}{which}");
            let answer = store.ask(&question).await;
            let period = period(&answer);
            for (field, of) in [
                ("events", "true"),
                ("edits", "category = 'marketplace_edit'"),
                ("logins", "category = 'login' and action <> 'failed'"),
                ("prompts", "category = 'prompt'"),
                ("tool_uses", "category = 'tool_usage'"),
                ("skill_runs", "category = 'skill_usage'"),
                ("errors", FAILED),
            ] {
                let condition = format!("{condition} and {of}");
                let rows = store
                    .rows("user_activity", "count(*)", &period, &condition)
                    .await;
                assert_eq!(count(&answer.rows[0], field), rows, "{field} of {question}");
            }
        }
    }
    let now = store
        .row("activity/summary?since=2026-11-20&until=2026-11-24")
        .await;
    let before = store
        .row("activity/summary?since=2026-11-16&until=2026-11-20")
        .await;
    for field in ["events", "edits", "errors"] {
        assert_eq!(now[format!("previous_{field}")], before[field], "{field}");
    }
    let today = store.row("activity/summary?since=today").await;
    assert_eq!(now["events_today"], today["events"]);
    let week = store.row("activity/summary?since=this-week").await;
    assert_eq!(now["events_this_week"], week["events"]);
}

#[tokio::test]
async fn each_step_counts_its_rows() {
    let store = Store::new().await;
    for (name, query) in [
        ("usage", "since=24h"),
        ("hourly", "since=3d"),
        ("usage", "since=30d&group_by=day"),
        ("usage", "since=35d&group_by=week"),
        ("hourly", "since=2d&timezone=Asia/Kolkata"),
    ] {
        for (which, condition) in WHICH {
            let question = format!("activity/{name}?{query}{which}");
            let answer = store.ask(&question).await;
            let whole = period(&answer);
            let rfc3339 = &time::format_description::well_known::Rfc3339;
            let starts: Vec<_> = answer
                .rows
                .iter()
                .filter_map(|row| row["bucket"].as_str())
                .map(|at| time::OffsetDateTime::parse(at, rfc3339).expect("RFC 3339"))
                .collect();
            let ends = starts[1..].iter().copied().chain([whole.until.0]);
            for ((row, since), until) in answer.rows.iter().zip(&starts).zip(ends) {
                let step = PeriodUsed {
                    since: (*since).max(whole.since.0).into(),
                    until: until.into(),
                    timezone: String::new(),
                };
                let failed = format!("{condition} and {FAILED}");
                let errors = store
                    .rows("user_activity", "count(*)", &step, &failed)
                    .await;
                assert_eq!(count(row, "errors"), errors, "{question} at {since}");
                let (field, figure) = match name {
                    "usage" => ("active_users", "count(distinct user_id)"),
                    _ => ("events", "count(*)"),
                };
                let rows = store.rows("user_activity", figure, &step, condition).await;
                assert_eq!(count(row, field), rows, "{field} of {question} at {since}");
            }
        }
    }
    let blurred = store
        .try_ask("activity/usage?since=30d&timezone=Asia/Kolkata")
        .await;
    assert!(matches!(blurred, Err(Error::Usage(_))), "{blurred:?}");
}

#[tokio::test]
async fn users_and_skills_are_ranked_by_what_they_did() {
    let store = Store::new().await;
    for since in ["since=24h", "since=30d"] {
        let answer = store.ask(&format!("activity/users?{since}")).await;
        let ranks: Vec<_> = answer
            .rows
            .iter()
            .map(|row| count(row, "edits") + count(row, "tool_uses"))
            .collect();
        assert!(ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
        assert_eq!(ranks.len(), 3);
        assert!(answer.rows.iter().any(|row| row["user"] == HOSTILE));
        for row in &answer.rows {
            let user = row["user"].as_str().expect("a user").replace('\'', "''");
            let own = format!("user_id = '{user}'");
            let rows = store
                .rows("user_activity", "count(*)", &period(&answer), &own)
                .await;
            assert_eq!(count(row, "events"), rows, "{user}");
        }
        let answer = store.ask(&format!("activity/skills?{since}")).await;
        let runs: Vec<_> = answer.rows.iter().map(|row| count(row, "runs")).collect();
        assert!(runs.is_sorted_by(|a, b| a >= b), "{runs:?}");
        let all = "category = 'skill_usage'";
        let rows = store
            .rows("user_activity", "count(*)", &period(&answer), all)
            .await;
        assert_eq!(runs.iter().sum::<i64>(), rows);
        let named = answer.rows.iter().any(|row| row["skill"] == "Ünïque %_");
        assert!(named, "{:?}", answer.rows);
    }
    let cut = store.ask("activity/users?since=30d&limit=1").await;
    assert_eq!((cut.rows.len(), cut.more), (1, true));
}

/// Asks page by page; the last row's `key` leads to the next.
async fn pages(store: &Store, question: &str, key: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    let mut next = String::new();
    loop {
        let page = store.ask(&format!("{question}&limit=7{next}")).await;
        rows.extend(page.rows);
        if !page.more {
            return rows;
        }
        let last = &rows.last().expect("a full page")[key];
        let last = last
            .as_str()
            .map_or_else(|| last.to_string(), str::to_owned);
        next = format!("&before={last}");
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let store = Store::new().await;
    for (question, key) in [
        ("activity/list?since=5d", "id"),
        ("activity/list?since=20d&user=ada&category=login", "id"),
        ("audit/list?since=2d", "seq"),
        (
            "audit/list?since=20d&category=mcp_tools&category=administration&user=ada",
            "seq",
        ),
        ("audit/list?since=20d&event=login&agent=scout", "seq"),
    ] {
        let all = store.ask(&format!("{question}&limit=1000")).await.rows;
        assert!(all.len() > 7, "{question}: {}", all.len());
        assert_eq!(pages(&store, question, key).await, all, "{question}");
    }
    let unknown = "activity/list?before=01a2122b-5740-7000-8000-000000000002";
    let answer = store.try_ask(unknown).await;
    assert!(matches!(answer, Err(Error::NotFound(_))), "{answer:?}");
    // Any number is a place in the trail.
    let first = store.ask("audit/list?since=2d&limit=3").await.rows;
    let beyond = store.ask("audit/list?since=2d&limit=3&before=999999").await;
    assert_eq!(beyond.rows, first);
    let before_all = store.ask("audit/list?since=2d&before=1").await;
    assert_eq!(before_all.rows.len(), 0);
}

/// Activity whose id does not tell its time is found by what is remembered.
#[tokio::test]
async fn a_page_may_begin_at_any_id() {
    let store = Store::new().await;
    sqlx::raw_sql(
        "create table seen_ids_history partition of seen_ids for values from (minvalue) to (maxvalue); \
         update user_activity set id = md5(id::text)::uuid where created_at > '2026-11-25'; \
         insert into seen_ids (created_at, id, source) \
         select created_at, id, 'event' from user_activity where created_at > '2026-11-25'",
    )
    .execute(store.pool())
    .await
    .expect("other ids");
    let question = "activity/list?since=today";
    let all = store.ask(&format!("{question}&limit=1000")).await.rows;
    assert!(all.len() > 7);
    assert_eq!(pages(&store, question, "id").await, all);
}

#[tokio::test]
async fn the_trail_is_counted() {
    let store = Store::new().await;
    for since in ["since=24h", "since=9d&until=2d", "since=35d"] {
        for (which, condition) in [
            ("", "true"),
            (
                "&category=authentication&category=mcp_tools",
                "category in ('authentication', 'mcp_tools')",
            ),
            ("&event=request_failed", "event = 'request_failed'"),
            ("&agent=scout", "agent = 'scout'"),
            ("&user=ada", "user_id = 'ada'"),
            (
                "&user=ada&category=mcp_tools",
                "user_id = 'ada' and category = 'mcp_tools'",
            ),
            (
                "&trace=00000000000000000000000000000005",
                "trace_id = '00000000000000000000000000000005'",
            ),
        ] {
            let question = format!("audit/stats?{since}{which}");
            let answer = store.ask(&question).await;
            let mut all = 0;
            for row in &answer.rows {
                let (category, event) = (&row["category"], &row["event"]);
                let (category, event) = (category.as_str(), event.as_str());
                let own = format!(
                    "{condition} and category = '{}' and event = '{}'",
                    category.expect("a category"),
                    event.expect("an event")
                );
                let rows = store
                    .rows("audit_events", "count(*)", &period(&answer), &own)
                    .await;
                assert_eq!(count(row, "events"), rows, "{question}");
                all += rows;
            }
            let rows = store
                .rows("audit_events", "count(*)", &period(&answer), condition)
                .await;
            assert_eq!(all, rows, "{question}");
        }
    }
    let now = store
        .ask("audit/stats?since=2026-11-20&until=2026-11-24")
        .await;
    let before = store
        .ask("audit/stats?since=2026-11-16&until=2026-11-20")
        .await;
    for row in &now.rows {
        let same = |other: &&Value| other["event"] == row["event"];
        let before = before
            .rows
            .iter()
            .find(same)
            .expect("every day has all kinds");
        assert_eq!(row["previous_events"], before["events"]);
    }
    let trail = store
        .ask("audit/list?since=30d&category=administration&limit=1")
        .await;
    assert_eq!(
        trail.rows[0]["detail"],
        json!({ "keys": ["server.listen"] })
    );
}

#[tokio::test]
async fn an_agent_sees_its_own_activity() {
    let everything = Store::new().await;
    let scout = "agent = 'scout'";
    let overview = everything.ask("overview?since=7d").await;
    let period = period(&overview);
    let own = everything
        .rows("user_activity", "count(*)", &period, scout)
        .await;
    let audited = everything
        .rows("audit_events", "count(*)", &period, scout)
        .await;
    let scout = everything.seen_by("scout");
    for (metric, n) in [("activity_events", own), ("audit_events", audited)] {
        let overview = scout.ask("overview?since=7d").await;
        let row = overview.rows.iter().find(|row| row["metric"] == metric);
        assert_eq!(row.expect(metric)["value"], n, "{metric}");
    }
    for question in [
        "activity/list?since=30d&limit=1000",
        "audit/list?since=30d&limit=1000",
    ] {
        let rows = scout.ask(question).await.rows;
        assert!(!rows.is_empty() && rows.iter().all(|row| row["agent"] == "scout"));
    }
    let foreign = scout.ask("audit/list?agent=writer").await;
    assert!(foreign.rows.is_empty());
    assert!(foreign.note.is_some(), "empty answers say so");
}
