//! Totals over long periods read the coarse rollups and nothing else; lists
//! walk down the primary key.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use systemprompt_domain::period::{Grains, Period, Windows, Zone};

use crate::store::{NOW, Store};

/// The tables that a statement over a period reads.
async fn tables(
    store: &Store,
    sql: &'static str,
    since: &str,
    until: &str,
    cube: &str,
) -> BTreeSet<String> {
    let period = Period {
        since: since.parse().expect("since"),
        until: until.parse().expect("until"),
    };
    let interval = period
        .resolve(NOW, &Zone::default())
        .expect("a period")
        .snap(NOW, Grains::All);
    let nobody: Vec<String> = Vec::new();
    let mut connection = store.pool().acquire().await.expect("a connection");
    sqlx::query("set plan_cache_mode = force_custom_plan")
        .execute(&mut *connection)
        .await
        .expect("set");
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {sql}")))
        .bind(None::<String>)
        .bind(Windows::of(interval, Grains::All).times().to_vec())
        .bind(cube)
        .bind(&nobody)
        .bind(&nobody)
        .bind(&nobody)
        .bind(&nobody)
        .bind(Vec::<time::OffsetDateTime>::new())
        .bind(&nobody)
        .bind(&nobody)
        .bind(Vec::<time::OffsetDateTime>::new())
        .fetch_all(&mut *connection)
        .await
        .expect("a plan");
    plan.iter()
        .filter_map(|line| line.split(" on ").nth(1))
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|name| !name.contains("pkey"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn ninety_days_are_days_and_hours() {
    let store = Store::new().await;
    let usage = include_str!("../../src/rollup/usage.sql");
    // Of each table, the partition of one cube.
    let expected = |tables: &[&str]| -> BTreeSet<String> {
        tables.iter().map(|table| (*table).to_owned()).collect()
    };
    let read = tables(&store, usage, "90d", "2026-11-25T10:00:00Z", "total").await;
    assert_eq!(
        read,
        expected(&["usage_day_by_total", "usage_hour_by_total"])
    );
    let read = tables(&store, usage, "2026-09-01", "2026-11-25", "total").await;
    assert_eq!(read, expected(&["usage_day_by_total"]));
    let read = tables(&store, usage, "90d", "now", "total").await;
    let with_quarters = ["usage_day_by_total", "usage_hour_by_total", "usage_quarter"];
    assert_eq!(read, expected(&with_quarters));
}

#[tokio::test]
async fn a_list_walks_down_the_primary_key() {
    let store = Store::new().await;
    let nobody: Vec<String> = Vec::new();
    sqlx::query("analyze ai_requests")
        .execute(store.pool())
        .await
        .expect("statistics");
    let list = include_str!("../../src/questions/requests/list.sql");
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain {list}")))
        .bind(None::<String>)
        .bind(NOW - time::Duration::days(30))
        .bind(NOW)
        .bind(None::<time::OffsetDateTime>)
        .bind(None::<uuid::Uuid>)
        .bind(&nobody)
        .bind(&nobody)
        .bind(&nobody)
        .bind(&nobody)
        .bind(&nobody)
        .bind(None::<uuid::Uuid>)
        .bind(None::<String>)
        .bind(21_i64)
        .bind(NOW)
        .fetch_all(store.pool())
        .await
        .expect("a plan");
    let scan = "Index Scan Backward using ai_requests_history_pkey";
    assert!(
        plan.iter().any(|line| line.contains(scan)),
        "{}",
        plan.join("\n")
    );
}

/// Without rates a sum is one of whole numbers: no row is multiplied.
#[tokio::test]
async fn dollars_cost_no_conversion() {
    let store = Store::new().await;
    let usage = include_str!("../../src/rollup/usage.sql");
    let spend = include_str!("../../src/rollup/spend.sql");
    let begun = include_str!("../../src/rollup/conversations.sql");
    let nobody: Vec<String> = Vec::new();
    let none = Vec::<time::OffsetDateTime>::new();
    let windows = [None::<time::OffsetDateTime>; 10];
    for (rates, converts) in [(Vec::new(), false), (vec!["0.9".to_owned()], true)] {
        let mut connection = store.pool().acquire().await.expect("a connection");
        sqlx::query("set plan_cache_mode = force_custom_plan")
            .execute(&mut *connection)
            .await
            .expect("set");
        let explain = |sql: &str| AssertSqlSafe(format!("explain (verbose, costs off) {sql}"));
        let totals = sqlx::query_scalar(explain(usage))
            .bind(None::<String>)
            .bind(windows)
            .bind("total")
            .bind(&nobody)
            .bind(&nobody)
            .bind(&nobody)
            .bind(&nobody)
            .bind(&none)
            .bind(&nobody)
            .bind(&rates)
            .bind(&none);
        let totals: Vec<String> = totals.fetch_all(&mut *connection).await.expect("a plan");
        let spenders = sqlx::query_scalar(explain(spend))
            .bind(None::<String>)
            .bind(windows)
            .bind("user")
            .bind(&nobody)
            .bind(&nobody)
            .bind(&nobody)
            .bind(&nobody)
            .bind("user")
            .bind("cost")
            .bind(20_i64)
            .bind(&rates)
            .bind(&none);
        let spenders: Vec<String> = spenders.fetch_all(&mut *connection).await.expect("a plan");
        let at = vec![NOW];
        let begun = sqlx::query_scalar(explain(begun))
            .bind(None::<String>)
            .bind(&at)
            .bind(&at)
            .bind(&at)
            .bind(&at)
            .bind(&at)
            .bind(&at)
            .bind(&none)
            .bind(false)
            .bind(&nobody)
            .bind(&nobody)
            .bind(&rates)
            .bind(&none)
            .bind("total");
        let begun: Vec<String> = begun.fetch_all(&mut *connection).await.expect("a plan");
        for plan in [totals, spenders, begun].map(|lines| lines.join("\n")) {
            assert_eq!(plan.contains("cost_nanos)::numeric"), converts, "{plan}");
        }
    }
}

/// What the planner makes of a statement whose parameters are written out.
async fn plan(store: &Store, sql: &str, values: &[&str]) -> String {
    // A small table is read whole unless told otherwise.
    let mut connection = store.pool().acquire().await.expect("a connection");
    sqlx::raw_sql(
        "set enable_seqscan = off; analyze ai_requests; analyze conversations; \
         analyze conversation_day; analyze conversation_hour",
    )
    .execute(&mut *connection)
    .await
    .expect("set");
    let mut sql = format!("explain {sql}");
    for (n, value) in values.iter().enumerate().rev() {
        sql = sql.replace(&format!("${}", n + 1), value);
    }
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(&mut *connection)
        .await
        .expect("a plan");
    lines.join("\n")
}

#[tokio::test]
async fn what_belongs_to_others_is_not_read() {
    let store = Store::new().await;
    let turns = include_str!("../../src/questions/conversations/turns.sql");
    let tools = include_str!("../../src/questions/agents/tools.sql");
    let find = include_str!("../../src/questions/conversations/find.sql");
    let list = include_str!("../../src/questions/conversations/list.sql");
    let sums = include_str!("../../src/rollup/conversations.sql");
    let (since, until) = ("timestamptz '2026-10-25'", "timestamptz '2026-11-25'");
    let none = "'{}'::text[]";
    let moments = "'{}'::timestamptz[]";
    let begun = |users| {
        let (from, to) = (
            "array[timestamptz '2026-10-25']",
            "array[timestamptz '2026-11-25']",
        );
        vec![
            "null", from, to, from, to, from, to, "'{}'", "false", none, users, none, moments,
            "'total'",
        ]
    };
    for (sql, values, index) in [
        (
            turns,
            vec!["null", "'conversation-7'", since, until, "1000"],
            "ai_requests_history_conversation_id_idx",
        ),
        (
            tools,
            vec!["null", "'scout'", since, until, "1000"],
            "ai_requests_history_agent_created_at_idx",
        ),
        (
            find,
            vec!["null", "'conversation-7'", "6"],
            "conversations_prefix",
        ),
        (
            list,
            vec!["'scout'", since, until, "null", "null", none, none, "21"],
            "conversations_agent",
        ),
        (sums, begun("'{ada}'::text[]"), "conversations_user"),
        (sums, begun(none), "conversation_day_pkey"),
        (sums, begun(none), "conversation_hour_pkey"),
        (sums, begun(none), "conversations_first"),
    ] {
        let plan = plan(&store, sql, &values).await;
        assert!(plan.contains(index), "{index}:\n{plan}");
    }
}

/// Totals of activity and of the audit trail read no rows of either, and lists
/// walk down an index from the end of the period.
#[tokio::test]
async fn activity_and_the_trail_are_not_read_for_totals() {
    let store = Store::new().await;
    sqlx::raw_sql(
        "analyze user_activity; analyze audit_events; analyze activity_day; analyze audit_day",
    )
    .execute(store.pool())
    .await
    .expect("statistics");
    let activity = include_str!("../../src/rollup/activity.sql");
    let users = include_str!("../../src/rollup/activity_users.sql");
    let skills = include_str!("../../src/rollup/activity_skills.sql");
    let audit = include_str!("../../src/rollup/audit.sql");
    let windows = |since: &str| {
        let period = Period {
            since: since.parse().expect("since"),
            until: "2026-11-25".parse().expect("until"),
        };
        let interval = period.resolve(NOW, &Zone::default()).expect("a period");
        let interval = interval.snap(NOW, Grains::All);
        let times = Windows::of(interval, Grains::All).times();
        let times: Vec<_> = times
            .iter()
            .map(|at| at.map_or_else(|| "null".to_owned(), |at| format!("'{at}'")))
            .collect();
        format!("array[{}]::timestamptz[]", times.join(", "))
    };
    let days = windows("2026-11-01");
    let days = days.as_str();
    let none = "'{}'::text[]";
    let moments = "'{}'::timestamptz[]";
    for (sql, values, table) in [
        (
            activity,
            vec!["null", days, "'category'", none, none, none, moments],
            "activity_day",
        ),
        (
            users,
            vec!["null", days, "'user'", none, none, none, "21"],
            "activity_day",
        ),
        (
            skills,
            vec!["null", days, "'entity'", none, "21"],
            "activity_day",
        ),
        (audit, vec!["null", days, none, none, none], "audit_day"),
    ] {
        let plan = plan(&store, sql, &values).await;
        assert!(plan.contains(table), "{table}:\n{plan}");
        for other in ["_quarter", "_hour", "user_activity", "audit_events"] {
            assert!(!plan.contains(other), "{other}:\n{plan}");
        }
    }
    let (since, until) = ("timestamptz '2026-10-25'", "timestamptz '2026-11-25'");
    let list = include_str!("../../src/questions/activity/list.sql");
    let values = ["null", since, until, "null", "null", none, none, none, "21"];
    let walked = plan(&store, list, &values).await;
    let walk = "Index Scan Backward using user_activity_history_pkey";
    assert!(walked.contains(walk), "{walked}");
    let list = include_str!("../../src/questions/audit/list.sql");
    for (categories, trace, index) in [
        (none, "null", "_pkey"),
        ("'{administration}'::text[]", "null", "_seq_idx"),
        (none, "'00000000000000000000000000000005'", "trace_id_idx"),
    ] {
        let values = [
            "null", since, until, "1", "5000", categories, none, none, none, trace, "21",
        ];
        let walked = plan(&store, list, &values).await;
        assert!(walked.contains(index), "{index}:\n{walked}");
    }
}
