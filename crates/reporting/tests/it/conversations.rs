//! Conversations and their requests.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use systemprompt_reporting::{Error, PeriodUsed};

use crate::agreement::{count, known, period};
use crate::store::Store;

fn id(row: &Value) -> &str {
    row["conversation_id"].as_str().expect("an id")
}

impl Store {
    /// The history with conversations of users, some of them derived.
    async fn talkative() -> Self {
        let store = Self::new().await;
        for sql in [
            "update conversations set derived = requests % 2 = 0, \
             user_id = (array['ada', 'bob', null])[1 + input_tokens % 3]",
            include_str!("begun.sql"),
        ] {
            sqlx::raw_sql(sql)
                .execute(store.pool())
                .await
                .expect("users");
        }
        store
    }

    /// One figure over the conversations of a period.
    async fn told(&self, figure: &str, period: &PeriodUsed, condition: &str) -> i64 {
        let sql = format!(
            "select coalesce({figure}, 0)::bigint from conversations \
             where first_at >= $1 and first_at < $2 and {condition}"
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(period.since.0)
            .bind(period.until.0)
            .fetch_one(self.pool())
            .await
            .expect("a figure")
    }

    /// What the conversations of a period cost; `None` where it would be nothing and
    /// requests of theirs have no price.
    async fn cost_told(&self, period: &PeriodUsed, condition: &str) -> Option<i64> {
        let unpriced = self.told("sum(unpriced)", period, condition).await;
        let sum = self.told("sum(cost_nanos)", period, condition).await;
        (sum != 0 || unpriced == 0).then_some(sum)
    }
}

const WHOSE: [(&str, &str); 4] = [
    ("", "true"),
    ("&agent=scout&agent=critic", "agent in ('scout', 'critic')"),
    ("&user=ada", "user_id = 'ada'"),
    (
        "&agent=writer&user=bob",
        "agent = 'writer' and user_id = 'bob'",
    ),
];

#[tokio::test]
async fn sums_are_those_of_the_conversations() {
    let store = Store::talkative().await;
    for since in ["since=24h", "since=9d&until=2d", "since=40d"] {
        for (whose, condition) in WHOSE {
            let question = format!("conversations/stats?{since}{whose}");
            let answer = store.ask(&question).await;
            let (period, row) = (period(&answer), &answer.rows[0]);
            for (field, figure) in [
                ("conversations", "count(*)"),
                ("requests", "sum(requests)"),
                ("input_tokens", "sum(input_tokens)"),
                ("output_tokens", "sum(output_tokens)"),
            ] {
                let told = store.told(figure, &period, condition).await;
                assert_eq!(count(row, field), told, "{field} of {question}");
            }
            let cost = store.cost_told(&period, condition).await;
            assert_eq!(known(row, "cost"), cost, "{question}");
            let all = count(row, "conversations") as f64;
            let derived = store
                .told("count(*) filter (where derived)", &period, condition)
                .await as f64;
            let share = row["derived_share"].as_f64().expect("a share");
            assert!((share - derived / all).abs() < 1e-5, "{question}");
            let micros = "avg(extract(epoch from last_at - first_at)) * 1000000";
            let exact = store.told(micros, &period, condition).await as f64 / 1_000.0;
            let shown = row["average_duration_ms"].as_f64().expect("a duration");
            assert!(
                (shown - exact).abs() <= 0.002,
                "{question}: {shown} for {exact}"
            );
            let requests = row["average_requests"].as_f64().expect("a mean");
            assert!((requests - count(row, "requests") as f64 / all).abs() <= 0.05);
        }
    }
}

#[tokio::test]
async fn the_period_before_is_the_period_before() {
    let store = Store::talkative().await;
    let now = "conversations/stats?since=2026-11-20&until=2026-11-24";
    let before = "conversations/stats?since=2026-11-16&until=2026-11-20";
    let (now, before) = (store.row(now).await, store.row(before).await);
    for field in ["conversations", "requests", "cost"] {
        assert_eq!(now[format!("previous_{field}")], before[field], "{field}");
    }
    assert_ne!(now["cost"], before["cost"]);
}

#[tokio::test]
async fn each_step_is_its_own() {
    let store = Store::talkative().await;
    for (query, steps) in [
        ("since=24h", 25),
        ("since=30d&group_by=day&timezone=Asia/Kolkata", 31),
        ("since=35d&group_by=week", 6),
    ] {
        for (whose, condition) in WHOSE {
            let question = format!("conversations/trends?{query}{whose}");
            let answer = store.ask(&question).await;
            assert_eq!(answer.rows.len(), steps, "{question}");
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
                let begun = store.told("count(*)", &step, condition).await;
                assert_eq!(count(row, "conversations"), begun, "{question} at {since}");
                let cost = store.cost_told(&step, condition).await;
                assert_eq!(known(row, "cost"), cost, "{question} at {since}");
            }
        }
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let store = Store::talkative().await;
    // Many begin at the same moment: ids decide.
    sqlx::raw_sql("update conversations set first_at = date_trunc('day', first_at, 'UTC')")
        .execute(store.pool())
        .await
        .expect("equal moments");
    for (whose, _) in WHOSE {
        let question = format!("conversations/list?since=30d{whose}");
        let all = store.ask(&format!("{question}&limit=1000")).await.rows;
        assert!(all.len() > 14, "{question}: {}", all.len());
        let times: Vec<_> = all.iter().map(|row| row["first_at"].to_string()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "the newest first");
        let mut paged = Vec::new();
        let mut next = String::new();
        loop {
            let page = store.ask(&format!("{question}&limit=7{next}")).await;
            paged.extend(page.rows);
            if !page.more {
                break;
            }
            next = format!("&before={}", id(paged.last().expect("a full page")));
        }
        assert_eq!(paged, all, "{question}");
    }
    let unknown = store.try_ask("conversations/list?before=nothing").await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
}

#[tokio::test]
async fn one_conversation_is_shown_whole() {
    let store = Store::new().await;
    sqlx::raw_sql("update ai_requests set tool_calls = 'search,fetch,search' where span_id = 11")
        .execute(store.pool())
        .await
        .expect("tools");
    let list = store.ask("conversations/list?since=30d&limit=1000").await;
    for listed in &list.rows {
        let id = id(listed);
        let shown = store.row(&format!("conversations/show?id={id}")).await;
        for (field, value) in listed.as_object().expect("a row") {
            assert_eq!(&shown[field], value, "{field}");
        }
        let turns = shown["turns"].as_array().expect("turns");
        assert_eq!(count(&shown, "requests"), turns.len() as i64, "{id}");
        let times: Vec<_> = turns
            .iter()
            .map(|turn| turn["created_at"].as_str())
            .collect();
        assert!(times.is_sorted(), "{id}: {times:?}");
        assert_eq!(
            (times[0], *times.last().expect("a turn")),
            (shown["first_at"].as_str(), shown["last_at"].as_str())
        );
        let models = shown["models"].as_array().expect("models");
        let unpriced = models.iter().map(|model| count(model, "unpriced_requests"));
        let unpriced = unpriced.sum::<i64>();
        for parts in [turns, models] {
            let sum: i64 = parts.iter().filter_map(|part| known(part, "cost")).sum();
            let sum = (sum != 0 || unpriced == 0).then_some(sum);
            assert_eq!(sum, known(&shown, "cost"), "{id}");
        }
        assert_eq!(
            models
                .iter()
                .map(|model| count(model, "requests"))
                .sum::<i64>(),
            turns.len() as i64
        );
        let tools = shown["tools"].as_array().expect("tools");
        assert_eq!(tools.is_empty(), id != "conversation-2", "{id}: {tools:?}");
    }
    let tools = store.row("conversations/show?id=conversation-2").await["tools"].clone();
    assert_eq!(
        tools,
        serde_json::json!([{ "tool": "search", "calls": 2 }, { "tool": "fetch", "calls": 1 }])
    );
}

#[tokio::test]
async fn a_conversation_is_found_by_the_beginning_of_its_id() {
    let store = Store::new().await;
    sqlx::raw_sql(
        "update conversations set conversation_id = 'Ünique %_' where conversation_id = 'conversation-7'",
    )
    .execute(store.pool())
    .await
    .expect("a name");
    for (asked, found) in [
        ("conversation-1", "conversation-1"),
        ("conversation-42", "conversation-42"),
        ("%C3%9C", "Ünique %_"),
        ("%C3%9Cnique+%25", "Ünique %_"),
    ] {
        let row = store.row(&format!("conversations/show?id={asked}")).await;
        assert_eq!(row["conversation_id"], found, "{asked}");
    }
    for unknown in ["conversation-9999", "conversation%25", "onversation-1"] {
        let answer = store
            .try_ask(&format!("conversations/show?id={unknown}"))
            .await;
        assert!(
            matches!(answer, Err(Error::NotFound(_))),
            "{unknown}: {answer:?}"
        );
    }
    match store.try_ask("conversations/show?id=conversation-").await {
        Err(Error::Usage(message)) => assert_eq!(
            message,
            "conversation- is ambiguous: conversation-0, conversation-1, conversation-10, \
             conversation-100, conversation-101 and more"
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_very_long_conversation_is_cut_and_says_so() {
    let store = Store::new().await;
    sqlx::raw_sql(
        "update ai_requests set conversation_id = 'long' where created_at > '2026-11-01'; \
         delete from conversations; \
         insert into conversations select 'long', false, 'scout', null, min(created_at), \
             max(created_at), count(*), 0, 0, 0 from ai_requests where conversation_id = 'long'",
    )
    .execute(store.pool())
    .await
    .expect("one conversation");
    let answer = store.ask("conversations/show?id=long").await;
    let row = &answer.rows[0];
    let turns = row["turns"].as_array().expect("turns");
    assert_eq!(turns.len(), 1_000);
    assert_eq!(turns[999]["created_at"], row["last_at"], "the newest stay");
    let expected = format!(
        "of {} requests these are the newest 1000; so are models and tools",
        count(row, "requests")
    );
    assert_eq!(answer.note, Some(expected));
}
