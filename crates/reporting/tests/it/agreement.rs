//! Totals agree with the raw rows of the period that the answer names, for
//! every filter, zone and age that changes which rollups are read.

use serde_json::Value;
use sqlx::Row;
use systemprompt_reporting::PeriodUsed;

use crate::store::Store;

const PERIODS: [&str; 7] = [
    "since=30m",
    "since=24h",
    "since=yesterday&until=today",
    "since=7d",
    "since=9d&until=2d",
    "since=30d",
    "since=2026-10-20&until=2026-11-03T05:20:00Z",
];

/// Filters, and the same as a condition on raw rows.
const FILTERS: [(&str, &str); 8] = [
    ("", "true"),
    (
        "&model=gpt-5.5",
        "coalesce(served_model, requested_model) = 'gpt-5.5'",
    ),
    (
        "&provider=anthropic&provider=openai",
        "provider in ('anthropic', 'openai')",
    ),
    ("&agent=scout", "agent = 'scout'"),
    (
        "&agent=scout&model=gpt-5.5",
        "agent = 'scout' and coalesce(served_model, requested_model) = 'gpt-5.5'",
    ),
    ("&user=ada", "user_id = 'ada'"),
    (
        "&user=ada&agent=writer",
        "user_id = 'ada' and agent = 'writer'",
    ),
    ("&model=nobody", "false"),
];

const ZONES: [&str; 3] = ["", "&timezone=Asia/Kolkata", "&timezone=America/New_York"];

pub(crate) const INPUT: &str =
    "input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input";

pub(crate) const UNPRICED: &str =
    "count(*) filter (where usage_source <> 'none' and cost_nanos is null)";

impl Store {
    /// One figure over raw rows of a period.
    pub(crate) async fn raw(&self, figure: &str, period: &PeriodUsed, condition: &str) -> i64 {
        let sql = format!(
            "select coalesce({figure}, 0)::bigint from ai_requests \
             where created_at >= $1 and created_at < $2 and {condition}"
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(period.since.0)
            .bind(period.until.0)
            .fetch_one(self.pool())
            .await
            .expect("a figure")
    }

    /// What the requests of a period cost; `None` where it would be nothing and some
    /// that used something have no price.
    pub(crate) async fn cost(&self, period: &PeriodUsed, condition: &str) -> Option<i64> {
        let unpriced = self.raw(UNPRICED, period, condition).await;
        let sum = self.raw("sum(cost_nanos)", period, condition).await;
        (sum != 0 || unpriced == 0).then_some(sum)
    }
}

/// Dollars as nano-dollars; `None` where nobody knows them.
pub(crate) fn known(row: &Value, field: &str) -> Option<i64> {
    (!row[field].is_null()).then(|| nanos(row, field))
}

/// Dollars as nano-dollars.
pub(crate) fn nanos(row: &Value, field: &str) -> i64 {
    let usd: rust_decimal::Decimal = row[field].as_str().expect(field).parse().expect(field);
    systemprompt_domain::Nanos::from_usd(usd).expect(field).0
}

pub(crate) fn count(row: &Value, field: &str) -> i64 {
    row[field]
        .as_i64()
        .unwrap_or_else(|| panic!("{field} of {row}"))
}

pub(crate) fn period(answer: &systemprompt_reporting::Answer<Value>) -> PeriodUsed {
    answer
        .period
        .clone()
        .expect("an answer over time states its period")
}

#[tokio::test]
async fn sums_are_those_of_the_rows() {
    let store = Store::new().await;
    for since in PERIODS {
        for (filter, condition) in FILTERS {
            for zone in ZONES {
                let question = format!("costs/summary?{since}{filter}{zone}");
                let answer = store.ask(&question).await;
                let (period, row) = (period(&answer), &answer.rows[0]);
                for (field, figure) in [
                    ("requests", "count(*)".to_owned()),
                    ("input_tokens", format!("sum({INPUT})")),
                    ("output_tokens", "sum(output + reasoning + audio_output)".to_owned()),
                    ("unpriced_requests", UNPRICED.to_owned()),
                    ("without_usage", "count(*) filter (where usage_source = 'none' and state <> 'paused' and coalesce(http_status, 0) < 400)".to_owned()),
                ] {
                    let raw = store.raw(&figure, &period, condition).await;
                    assert_eq!(count(row, field), raw, "{field} of {question}");
                }
                let raw = store.cost(&period, condition).await;
                assert_eq!(known(row, "cost"), raw, "{question}");
            }
        }
    }
}

#[tokio::test]
async fn trends_add_up_and_each_step_is_its_own() {
    let store = Store::new().await;
    for (query, condition) in [
        ("since=24h", "true"),
        (
            "since=24h&user=ada&timezone=Asia/Kathmandu",
            "user_id = 'ada'",
        ),
        ("since=7d&group_by=day&timezone=Asia/Kolkata", "true"),
        (
            "since=30d&group_by=day&agent=scout&timezone=America/New_York",
            "agent = 'scout'",
        ),
        (
            "since=30d&group_by=hour&model=gpt-5.5",
            "coalesce(served_model, requested_model) = 'gpt-5.5'",
        ),
        ("since=35d&group_by=week", "true"),
        ("since=40d&group_by=month&user=bob", "user_id = 'bob'"),
    ] {
        let question = format!("requests/trends?{query}");
        let answer = store.ask(&question).await;
        let whole = period(&answer);
        let starts: Vec<_> = answer
            .rows
            .iter()
            .map(|row| row["bucket"].as_str().expect("a time"))
            .map(|at| {
                let rfc3339 = &time::format_description::well_known::Rfc3339;
                time::OffsetDateTime::parse(at, rfc3339).expect("RFC 3339")
            })
            .collect();
        let ends = starts[1..].iter().copied().chain([whole.until.0]);
        for ((row, since), until) in answer.rows.iter().zip(&starts).zip(ends) {
            let step = PeriodUsed {
                since: (*since).max(whole.since.0).into(),
                until: until.into(),
                timezone: String::new(),
            };
            let at = format!("{question} at {since}");
            assert_eq!(
                count(row, "requests"),
                store.raw("count(*)", &step, condition).await,
                "{at}"
            );
            assert_eq!(
                known(row, "cost"),
                store.cost(&step, condition).await,
                "{at}"
            );
            let errors = "count(*) filter (where state in ('failed', 'upstream_timeout', 'lost'))";
            assert_eq!(
                count(row, "errors"),
                store.raw(errors, &step, condition).await,
                "{at}"
            );
        }
        let sum: i64 = answer.rows.iter().map(|row| count(row, "requests")).sum();
        assert_eq!(
            sum,
            store.raw("count(*)", &whole, condition).await,
            "{question}"
        );
    }
}

#[tokio::test]
async fn half_hour_zones_lose_their_half_hours_after_eight_days_and_say_so() {
    let store = Store::new().await;
    let old = store
        .ask("costs/trends?since=30d&group_by=day&timezone=Asia/Kolkata")
        .await;
    let note = old.note.as_deref().expect("a note");
    assert!(
        note.contains("more than eight days back") && note.contains("Asia/Kolkata"),
        "{note}"
    );
    let sum: i64 = old.rows.iter().map(|row| count(row, "requests")).sum();
    assert_eq!(
        sum,
        store.raw("count(*)", &period(&old), "true").await,
        "the sum is exact all the same"
    );
    let recent = store
        .ask("costs/trends?since=7d&group_by=day&timezone=Asia/Kolkata")
        .await;
    assert_eq!(recent.note, None);
}

#[tokio::test]
async fn old_days_of_users_are_days_of_utc() {
    let store = Store::new().await;
    for query in ["group_by=hour", "group_by=day&timezone=America/New_York"] {
        let error = store
            .try_ask(&format!("costs/trends?since=30d&user=ada&{query}"))
            .await
            .expect_err(query)
            .to_string();
        assert!(
            error.starts_with("more than eight days back, users are known by UTC day only"),
            "{error}"
        );
    }
    store
        .ask("costs/trends?since=30d&user=ada&group_by=day")
        .await;
    store
        .ask("costs/trends?since=7d&user=ada&group_by=hour")
        .await;
}

#[tokio::test]
async fn a_trend_has_a_largest_size() {
    let store = Store::empty().await;
    let error = store
        .try_ask("costs/trends?since=2020-01-01&group_by=hour")
        .await
        .expect_err("too long");
    assert!(
        error
            .to_string()
            .starts_with("the period has more than 10000 rows"),
        "{error}"
    );
    assert_eq!(
        store
            .ask("costs/trends?since=2020-01-01&group_by=month")
            .await
            .rows
            .len(),
        83
    );
}

#[tokio::test]
async fn breakdowns_are_sorted_and_add_up() {
    let store = Store::new().await;
    for (by, column) in [
        ("model", "coalesce(served_model, requested_model)"),
        ("agent", "agent"),
        ("provider", "provider"),
        ("user", "user_id"),
    ] {
        for since in ["24h", "30d"] {
            let question = format!("costs/breakdown?since={since}&by={by}");
            let answer = store.ask(&question).await;
            let period = period(&answer);
            for row in &answer.rows {
                let name = row["name"].as_str().expect("a name");
                let condition = format!("coalesce({column}, '') = '{name}'");
                assert_eq!(
                    count(row, "requests"),
                    store.raw("count(*)", &period, &condition).await,
                    "{question}"
                );
                assert_eq!(
                    known(row, "cost"),
                    store.cost(&period, &condition).await,
                    "{question}"
                );
            }
            let costs: Vec<_> = answer.rows.iter().map(|row| known(row, "cost")).collect();
            assert!(costs.is_sorted_by(|a, b| a >= b), "{question}");
            assert_eq!(
                costs.iter().flatten().sum::<i64>(),
                store.raw("sum(cost_nanos)", &period, "true").await
            );
            let shares: f64 = answer
                .rows
                .iter()
                .filter_map(|row| row["share"].as_f64())
                .sum();
            assert!((shares - 1.0).abs() < 1e-5, "{question}: {shares}");
        }
    }
}

#[tokio::test]
async fn a_limit_cuts_and_keeps_the_shares() {
    let store = Store::new().await;
    let all = store
        .ask("costs/breakdown?since=30d&sort_by=requests")
        .await;
    assert!(!all.more);
    let first = store
        .ask("costs/breakdown?since=30d&sort_by=requests&limit=2")
        .await;
    assert!(first.more);
    assert_eq!(first.rows, all.rows[..2]);
}

#[tokio::test]
async fn percentiles_are_within_their_error() {
    let store = Store::new().await;
    for since in ["24h", "7d", "30d"] {
        for (filter, condition) in FILTERS
            .into_iter()
            .filter(|(filter, _)| !filter.contains("user"))
        {
            let question = format!("requests/stats?since={since}{filter}");
            let answer = store.ask(&question).await;
            let (period, row) = (period(&answer), &answer.rows[0]);
            let completed = format!("state = 'completed' and {condition}");
            for (field, q) in [
                ("p50_latency_ms", 0.5),
                ("p95_latency_ms", 0.95),
                ("p99_latency_ms", 0.99),
            ] {
                let exact = format!("percentile_disc({q}) within group (order by latency_us)");
                let exact = store.raw(&exact, &period, &completed).await as f64 / 1_000.0;
                let shown = row[field].as_f64().unwrap_or_default();
                assert!(
                    (shown - exact).abs() <= exact * 0.022,
                    "{field} of {question}: {shown} for {exact}"
                );
            }
            let mean = store
                .raw("round(avg(latency_us))", &period, &completed)
                .await as f64
                / 1_000.0;
            let shown = row["average_latency_ms"].as_f64().unwrap_or_default();
            assert!(
                (shown - mean).abs() <= 0.001,
                "{question}: {shown} for {mean}"
            );
        }
    }
    let by_user = store.ask("requests/stats?user=ada").await;
    assert_eq!(by_user.rows[0]["p95_latency_ms"], Value::Null);
    assert!(
        by_user.rows[0]["average_latency_ms"].is_number(),
        "means are kept by user"
    );
    assert_eq!(
        by_user.note.as_deref(),
        Some("percentiles are not kept by user")
    );
}

#[tokio::test]
async fn models_and_errors_add_up() {
    let store = Store::new().await;
    for query in [
        "since=24h",
        "since=30d",
        "since=30d&agent=scout",
        "since=30d&user=ada",
    ] {
        let stats = store.row(&format!("requests/stats?{query}")).await;
        let models = store.ask(&format!("requests/models?{query}")).await;
        let sum: i64 = models.rows.iter().map(|row| count(row, "requests")).sum();
        assert_eq!(sum, count(&stats, "requests"), "{query}");

        let errors = store
            .ask(&format!("requests/errors?limit=1000&{query}"))
            .await;
        let condition = match query.split('&').nth(1) {
            Some("agent=scout") => "agent = 'scout'",
            Some("user=ada") => "user_id = 'ada'",
            _ => "true",
        };
        let period = period(&errors);
        let raw = store
            .raw(
                "count(*) filter (where state <> 'completed')",
                &period,
                condition,
            )
            .await;
        let sum: i64 = errors.rows.iter().map(|row| count(row, "count")).sum();
        assert_eq!(sum, raw, "{query}");
        let shares: f64 = errors
            .rows
            .iter()
            .filter_map(|row| row["share"].as_f64())
            .sum();
        assert!((shares - 1.0).abs() < 1e-4, "{query}: {shares}");
    }
}

#[tokio::test]
async fn the_period_before_is_the_period_before() {
    let store = Store::new().await;
    let now = store
        .ask("costs/summary?since=2026-11-20&until=2026-11-24")
        .await;
    let before = store
        .ask("costs/summary?since=2026-11-16&until=2026-11-20")
        .await;
    assert_eq!(now.rows[0]["previous_cost"], before.rows[0]["cost"]);
    let (cost, previous) = (
        nanos(&now.rows[0], "cost") as f64,
        nanos(&before.rows[0], "cost") as f64,
    );
    let change = now.rows[0]["change"].as_f64().expect("a change");
    assert!((change - (cost / previous - 1.0)).abs() < 1e-6);
}

#[tokio::test]
async fn the_history_is_as_varied_as_it_claims() {
    let store = Store::new().await;
    let row = sqlx::query(
        "select count(distinct state), count(distinct agent), count(*) from ai_requests",
    )
    .fetch_one(store.pool())
    .await
    .expect("counts");
    assert_eq!(
        (
            row.get::<i64, _>(0),
            row.get::<i64, _>(1),
            row.get::<i64, _>(2)
        ),
        (7, 3, 1677)
    );
}
