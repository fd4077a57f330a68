//! Answers as they look. A reviewer sees every change of a column here.

use insta::assert_json_snapshot;

use crate::store::Store;

#[tokio::test]
async fn with_a_history() {
    let store = Store::new().await.with_alerts().await;
    for (name, question) in [
        ("overview", "overview"),
        ("costs_summary", "costs/summary?since=7d"),
        (
            "costs_trends",
            "costs/trends?since=this-week&group_by=day&timezone=America/New_York",
        ),
        ("costs_breakdown", "costs/breakdown?since=30d&by=agent"),
        ("costs_budgets", "costs/budgets"),
        (
            "costs_forecast",
            "costs/forecast?timezone=America/New_York&agent=scout",
        ),
        ("costs_unpriced", "costs/unpriced?since=30d"),
        ("requests_stats", "requests/stats"),
        ("requests_trends", "requests/trends?since=3h"),
        (
            "requests_models",
            "requests/models?since=30d&sort_by=p95-latency&limit=3",
        ),
        ("requests_errors", "requests/errors?since=7d&limit=4"),
        ("requests_list", "requests/list?limit=4"),
        ("agents_stats", "agents/stats?since=7d"),
        (
            "agents_list",
            "agents/list?since=30d&sort_by=latency&limit=2",
        ),
        ("agents_trends", "agents/trends?since=3h&agent=scout"),
        (
            "agents_show",
            "agents/show?name=scout&timezone=Asia/Kolkata",
        ),
        ("conversations_stats", "conversations/stats?since=7d"),
        ("conversations_list", "conversations/list?limit=2"),
        (
            "conversations_trends",
            "conversations/trends?since=this-week&group_by=day&timezone=America/New_York",
        ),
        ("conversations_show", "conversations/show?id=conversation-0"),
        ("tools_stats", "tools/stats?since=7d"),
        ("tools_list", "tools/list?since=7d&sort_by=avg-time"),
        ("tools_show", "tools/show?name=search&since=7d"),
        ("activity_summary", "activity/summary?since=7d"),
        (
            "activity_usage",
            "activity/usage?since=3d&group_by=day&timezone=America/New_York",
        ),
        ("activity_hourly", "activity/hourly?since=3h"),
        ("activity_users", "activity/users?since=30d"),
        ("activity_skills", "activity/skills?since=30d&limit=2"),
        ("activity_list", "activity/list?limit=3"),
        ("audit_stats", "audit/stats?since=7d"),
        ("audit_list", "audit/list?limit=3"),
        ("alerts_status", "alerts/status"),
        ("alerts_history", "alerts/history?since=7d"),
    ] {
        assert_json_snapshot!(name, store.ask(question).await);
    }
}

#[tokio::test]
async fn without_one() {
    let store = Store::empty().await;
    assert_json_snapshot!("empty_overview", store.ask("overview").await);
    assert_json_snapshot!("empty_costs_summary", store.ask("costs/summary").await);
    for question in [
        "costs/breakdown",
        "requests/models",
        "requests/errors",
        "requests/list",
        "agents/list",
        "conversations/list",
        "activity/list",
        "activity/users",
        "activity/skills",
        "audit/stats",
        "audit/list",
        "costs/budgets",
        "costs/unpriced",
        "alerts/status",
        "alerts/history",
    ] {
        let answer = store.ask(question).await;
        assert!(answer.rows.is_empty() && !answer.more, "{question}");
    }
    let steps = store.ask("requests/trends?since=today").await;
    assert_eq!(
        steps.rows.len(),
        11,
        "empty steps and the current one are rows too"
    );
}
