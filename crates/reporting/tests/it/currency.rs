//! Amounts in another currency: each request at the rate of its day, each sum
//! rounded once.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use systemprompt_config::{Analytics, Costs, ExchangeRate};
use systemprompt_reporting::{Answer, Currency, QUERIES, Settings};
use time::macros::date;
use time::{Date, OffsetDateTime};

use crate::store::Store;

/// In no order, with as many decimals as there may be, and none for the first
/// days of the history.
const RATES: [(Date, i64); 4] = [
    (date!(2026 - 11 - 19), 93_337_177),
    (date!(2026 - 10 - 27), 90_000_001),
    (date!(2026 - 11 - 24), 95_000_003),
    (date!(2026 - 11 - 03), 150_123_456_789),
];

fn euros() -> Settings {
    let rates = RATES.map(|(from, mantissa)| ExchangeRate {
        from,
        usd_to: Decimal::new(mantissa, 8),
    });
    let costs = Costs {
        currency: "EUR".to_owned(),
        exchange_rates: rates.to_vec(),
        ..Costs::default()
    };
    Settings::from(&Analytics {
        costs,
        ..Analytics::default()
    })
}

/// The rate of a day, told by itself: the last that has begun, else the first.
fn rate(day: Date) -> Decimal {
    let mut rates = RATES;
    rates.sort_unstable();
    let begun = rates.iter().filter(|(from, _)| *from <= day).count();
    Decimal::new(rates[begun.saturating_sub(1)].1, 8)
}

fn rounded(nanos: Decimal) -> Decimal {
    let half_even = RoundingStrategy::MidpointNearestEven;
    (nanos.round_dp_with_strategy(0, half_even) * Decimal::new(1, 9)).normalize()
}

fn amount(row: &Value, field: &str) -> Decimal {
    row[field].as_str().expect(field).parse().expect(field)
}

/// `None` where nobody knows it.
fn known(row: &Value, field: &str) -> Option<Decimal> {
    (!row[field].is_null()).then(|| amount(row, field))
}

fn moment(text: &Value) -> OffsetDateTime {
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    OffsetDateTime::parse(text.as_str().expect("a time"), rfc3339).expect("RFC 3339")
}

impl Store {
    /// What raw rows of a period add up to, in unrounded nano-units.
    async fn converted(&self, [since, until]: [OffsetDateTime; 2], condition: &str) -> Decimal {
        let sql = format!(
            "select created_at, cost_nanos from ai_requests \
             where created_at >= $1 and created_at < $2 and cost_nanos is not null and {condition}"
        );
        let rows: Vec<(OffsetDateTime, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(since)
            .bind(until)
            .fetch_all(self.pool())
            .await
            .expect("rows");
        rows.iter()
            .map(|(at, nanos)| Decimal::from(*nanos) * rate(at.date()))
            .sum()
    }

    /// The same, rounded; `None` where it would be nothing and some that used something
    /// have no price.
    async fn cost_converted(
        &self,
        period: [OffsetDateTime; 2],
        condition: &str,
    ) -> Option<Decimal> {
        let sum = self.converted(period, condition).await;
        let sql = format!(
            "select exists (select from ai_requests where created_at >= $1 and created_at < $2 \
             and usage_source <> 'none' and cost_nanos is null and {condition})"
        );
        let unpriced: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(period[0])
            .bind(period[1])
            .fetch_one(self.pool())
            .await
            .expect("an answer");
        (!sum.is_zero() || !unpriced).then(|| rounded(sum))
    }
}

fn edges(answer: &Answer<Value>) -> [OffsetDateTime; 2] {
    let period = answer.period.as_ref().expect("a period");
    [period.since.0, period.until.0]
}

const PERIODS: [&str; 6] = [
    "since=24h",
    "since=7d",
    "since=30d",
    "since=40d",
    "since=2026-11-18T22:30:00Z&until=2026-11-19T03:45:00Z",
    "since=2026-10-20&until=2026-11-03T05:00:00Z",
];

#[tokio::test]
async fn totals_are_the_rows_at_the_rates_of_their_days() {
    let store = Store::new().await.under(euros());
    for period in PERIODS {
        for (filter, condition) in [
            ("", "true"),
            ("&agent=scout", "agent = 'scout'"),
            ("&user=ada", "user_id = 'ada'"),
            ("&timezone=Asia/Kolkata", "true"),
        ] {
            let question = format!("costs/summary?{period}{filter}");
            let answer = store.ask(&question).await;
            assert_eq!(answer.currency.as_deref(), Some("EUR"));
            let raw = store.converted(edges(&answer), condition).await;
            let row = &answer.rows[0];
            assert_eq!(amount(row, "cost"), rounded(raw), "{question}");
            let requests = Decimal::from(row["requests"].as_i64().expect("a count"));
            let mean = raw.checked_div(requests).map(rounded);
            assert_eq!(mean, Some(amount(row, "average_cost")), "{question}");

            let stats = store.row(&format!("requests/stats?{period}{filter}")).await;
            assert_eq!(stats["cost"], row["cost"], "{question}");
            assert_eq!(stats["previous_cost"], row["previous_cost"], "{question}");
        }
    }
}

/// Rounding each step and rounding the whole differ by what rounding can do,
/// half a nano-unit a step, and by nothing else.
#[tokio::test]
async fn steps_add_up_to_the_whole() {
    let store = Store::new().await.under(euros());
    for query in [
        "since=30d&group_by=day",
        "since=40d&group_by=week",
        "since=40d&group_by=month&user=bob",
        "since=2026-11-18&until=2026-11-20&group_by=hour",
        "since=30d&group_by=day&timezone=America/New_York",
    ] {
        let answer = store.ask(&format!("costs/trends?{query}")).await;
        let condition = if query.contains("bob") {
            "user_id = 'bob'"
        } else {
            "true"
        };
        let [since, until] = edges(&answer);
        let starts: Vec<_> = answer
            .rows
            .iter()
            .map(|row| moment(&row["bucket"]))
            .collect();
        let ends = starts[1..].iter().copied().chain([until]);
        let mut sum = Decimal::ZERO;
        for ((row, start), end) in answer.rows.iter().zip(&starts).zip(ends) {
            let step = [(*start).max(since), end];
            let cost = store.cost_converted(step, condition).await;
            assert_eq!(known(row, "cost"), cost, "{query} at {start}");
            sum += cost.unwrap_or_default();
        }
        let text = |at: OffsetDateTime| {
            let rfc3339 = &time::format_description::well_known::Rfc3339;
            at.format(rfc3339).expect("a time")
        };
        let user = if query.contains("bob") {
            "&user=bob"
        } else {
            ""
        };
        let whole = format!(
            "costs/summary?since={}&until={}{user}",
            text(since),
            text(until)
        );
        let whole = amount(&store.row(&whole).await, "cost");
        let most = Decimal::new(5, 10) * Decimal::from(answer.rows.len() + 1);
        assert!((whole - sum).abs() <= most, "{query}: {whole} and {sum}");
        let requests = store.ask(&format!("requests/trends?{query}")).await;
        for (row, same) in answer.rows.iter().zip(&requests.rows) {
            assert_eq!(row["cost"], same["cost"], "{query}");
        }
    }
}

#[tokio::test]
async fn breakdowns_are_converted_before_they_are_sorted_and_cut() {
    let store = Store::new().await.under(euros());
    for (by, column) in [
        ("model", "coalesce(served_model, requested_model)"),
        ("agent", "agent"),
        ("user", "user_id"),
    ] {
        let question = format!("costs/breakdown?since=30d&by={by}");
        let answer = store.ask(&question).await;
        let mut whole = Decimal::ZERO;
        for row in &answer.rows {
            let name = row["name"].as_str().expect("a name");
            let condition = format!("coalesce({column}, '') = '{name}'");
            let cost = store.cost_converted(edges(&answer), &condition).await;
            assert_eq!(known(row, "cost"), cost, "{question} {name}");
            whole += store.converted(edges(&answer), &condition).await;
        }
        let costs: Vec<_> = answer.rows.iter().map(|row| known(row, "cost")).collect();
        assert!(costs.is_sorted_by(|a, b| a >= b), "{question}: {costs:?}");
        assert_eq!(
            rounded(whole),
            rounded(store.converted(edges(&answer), "true").await)
        );
        let first = store.ask(&format!("{question}&limit=1")).await;
        assert_eq!(first.rows, answer.rows[..1], "{question}");
    }
    let models = store.ask("requests/models?since=30d&sort_by=cost").await;
    let breakdown = store.ask("costs/breakdown?since=30d").await;
    assert_eq!(models.rows[0]["cost"], breakdown.rows[0]["cost"]);
}

#[tokio::test]
async fn single_requests_are_converted_and_their_bills_are_not() {
    let store = Store::new().await.under(euros());
    let list = store.ask("requests/list?since=40d&limit=2000").await;
    assert_eq!(list.currency.as_deref(), Some("EUR"));
    let mut priced = list.rows.iter().filter(|row| row["cost"].is_string());
    for row in priced.clone() {
        let at = moment(&row["created_at"]);
        let next = at + time::Duration::MILLISECOND;
        let id = format!("id = '{}'", row["id"].as_str().expect("an id"));
        let raw = store.converted([at, next], &id).await;
        assert_eq!(amount(row, "cost"), rounded(raw), "{row}");
    }
    let row = priced.next().expect("a priced request");
    let id = row["id"].as_str().expect("an id");
    let shown = store.row(&format!("requests/show?id={id}")).await;
    assert_eq!(shown["converted_cost"], row["cost"]);
    let dollars = amount(&shown, "cost");
    let at = moment(&row["created_at"]);
    let raw = dollars * Decimal::from(1_000_000_000) * rate(at.date());
    assert_eq!(rounded(raw), amount(row, "cost"));
}

#[tokio::test]
async fn agents_and_their_models_are_the_rows_at_the_rates_of_their_days() {
    let store = Store::new().await.under(euros());
    for period in PERIODS {
        let answer = store
            .ask(&format!("agents/list?{period}&sort_by=cost"))
            .await;
        assert_eq!(answer.currency.as_deref(), Some("EUR"));
        let mut named = Decimal::ZERO;
        for row in &answer.rows {
            let agent = row["agent"].as_str().expect("a name");
            let condition = format!("coalesce(agent, '') = '{agent}'");
            let raw = store.converted(edges(&answer), &condition).await;
            assert_eq!(amount(row, "cost"), rounded(raw), "{period} {agent}");
            if agent.is_empty() {
                continue;
            }
            named += raw;
            let shown = store
                .row(&format!("agents/show?name={agent}&{period}"))
                .await;
            assert_eq!(shown["cost"], row["cost"], "{period} {agent}");
            for used in shown["models"].as_array().expect("models") {
                let [provider, model] =
                    ["provider", "model"].map(|name| used[name].as_str().expect("a name"));
                let condition = format!(
                    "{condition} and provider = '{provider}' \
                     and coalesce(served_model, requested_model, '') = '{model}'"
                );
                let cost = store.cost_converted(edges(&answer), &condition).await;
                assert_eq!(known(used, "cost"), cost, "{period} {condition}");
            }
        }
        let stats = store.row(&format!("agents/stats?{period}")).await;
        let agents = Decimal::from(stats["agents"].as_i64().expect("a count"));
        assert_eq!(
            Some(amount(&stats, "cost_per_agent")),
            named.checked_div(agents).map(rounded),
            "{period}"
        );
    }
}

/// A row of conversations does not tell on which days it went on; its requests do.
#[tokio::test]
async fn conversations_are_converted_at_the_rate_of_their_first_day() {
    let store = Store::new().await.under(euros());
    let stored: Vec<(String, OffsetDateTime, i64, i64)> =
        sqlx::query_as("select conversation_id, first_at, cost_nanos, unpriced from conversations")
            .fetch_all(store.pool())
            .await
            .expect("conversations");
    let begun_in = |[since, until]: [OffsetDateTime; 2]| -> Option<Decimal> {
        let begun = stored
            .iter()
            .filter(|(_, at, ..)| (since..until).contains(at));
        let unpriced: i64 = begun.clone().map(|(.., unpriced)| unpriced).sum();
        let sum: Decimal = begun
            .map(|(_, at, nanos, _)| Decimal::from(*nanos) * rate(at.date()))
            .sum();
        (!sum.is_zero() || unpriced == 0).then_some(sum)
    };
    for period in PERIODS {
        let answer = store.ask(&format!("conversations/stats?{period}")).await;
        let (row, spent) = (&answer.rows[0], begun_in(edges(&answer)));
        assert_eq!(known(row, "cost"), spent.map(rounded), "{period}");
        let begun = Decimal::from(row["conversations"].as_i64().expect("a count"));
        let mean = spent
            .and_then(|spent| spent.checked_div(begun))
            .map(rounded);
        assert_eq!(known(row, "average_cost"), mean, "{period}");
    }
    let answer = store
        .ask("conversations/trends?since=30d&group_by=day")
        .await;
    let starts = answer.rows.iter().map(|row| moment(&row["bucket"]));
    let ends = starts.clone().skip(1).chain([edges(&answer)[1]]);
    for ((row, since), until) in answer.rows.iter().zip(starts).zip(ends) {
        let spent = begun_in([since.max(edges(&answer)[0]), until]);
        assert_eq!(known(row, "cost"), spent.map(rounded), "from {since}");
    }
    let requests = store.ask("requests/list?since=40d&limit=10000").await;
    let list = store.ask("conversations/list?since=40d&limit=10000").await;
    let mut several_days = 0;
    for row in &list.rows {
        let id = row["conversation_id"].as_str().expect("an id");
        let stored = stored.iter().find(|(one, ..)| one == id);
        let (_, at, nanos, unpriced) = stored.expect("stored");
        let spent = rounded(Decimal::from(*nanos) * rate(at.date()));
        let spent = (*nanos != 0 || *unpriced == 0).then_some(spent);
        assert_eq!(known(row, "cost"), spent, "{id}");

        let shown = store.row(&format!("conversations/show?id={id}")).await;
        assert_eq!(shown["cost"], row["cost"], "{id}");
        for turn in shown["turns"].as_array().expect("turns") {
            let same = requests.rows.iter().find(|one| one["id"] == turn["id"]);
            assert_eq!(same.expect("listed")["cost"], turn["cost"], "{id}");
            let at = moment(&turn["created_at"]);
            several_days += u32::from(rate(at.date()) != rate(moment(&row["first_at"]).date()));
        }
        let condition = format!("conversation_id = '{id}'");
        let models = shown["models"].as_array().expect("models").iter();
        let models: Decimal = models.filter_map(|model| known(model, "cost")).sum();
        let since = moment(&row["first_at"]);
        let until = moment(&row["last_at"]) + time::Duration::MILLISECOND;
        let raw = rounded(store.converted([since, until], &condition).await);
        assert!((models - raw).abs() < Decimal::new(1, 8), "{id}: {models}");
    }
    assert!(several_days > 0, "no conversation outlasts a rate");
}

#[tokio::test]
async fn the_overview_names_amounts_by_no_currency_of_its_own() {
    let store = Store::new().await.under(euros());
    let overview = store.ask("overview?since=30d").await;
    let cost = overview.rows.iter().find(|row| row["metric"] == "cost");
    let cost = cost.expect("the cost");
    assert_eq!(
        (cost["unit"].as_str(), overview.currency.as_deref()),
        (Some("money"), Some("EUR"))
    );
    let summary = store.row("costs/summary?since=30d").await;
    assert_eq!(cost["value"], summary["cost"]);
}

/// One rate of one changes nothing but the name.
#[tokio::test]
async fn a_rate_of_one_is_the_dollar() {
    let dollars = Store::new().await;
    let costs = Costs {
        currency: "USX".to_owned(),
        exchange_rates: vec![ExchangeRate {
            from: date!(2026 - 01 - 01),
            usd_to: Decimal::ONE,
        }],
        ..Costs::default()
    };
    let settings = Settings {
        currency: Currency::of(&costs),
        ..Settings::default()
    };
    // One is asked about a single request; the others are about thresholds,
    // which are in dollars, or about nothing that costs anything.
    let questions = QUERIES.iter().filter(|entry| {
        !["alerts", "sessions", "content", "traffic"].contains(&entry.path[0])
            && !["requests/show", "costs/budgets", "costs/forecast"]
                .contains(&entry.path.join("/").as_str())
    });
    let questions: Vec<_> = questions
        .map(|entry| match entry.path {
            ["agents", "show"] => "agents/show?name=scout&since=30d".to_owned(),
            ["tools", "show"] => "tools/show?name=search&since=30d".to_owned(),
            ["conversations", "show"] => "conversations/show?id=conversation-7".to_owned(),
            ["traces", "show"] => "traces/show?id=01a2122b-5740-7000-8000-000000000001".to_owned(),
            path => format!("{}?since=30d", path.join("/")),
        })
        .collect();
    let mut expected = Vec::new();
    for question in &questions {
        expected.push(dollars.ask(question).await);
    }
    let same = dollars.under(settings);
    for (question, expected) in questions.iter().zip(expected) {
        let answer = same.ask(question).await;
        assert_eq!(expected.currency, None);
        assert_eq!(answer.currency.as_deref(), Some("USX"));
        let rows = |answer: Answer<Value>| {
            serde_json::to_string(&answer.rows)
                .expect("plain data")
                .replace("\"money\"", "\"usd\"")
        };
        assert_eq!(rows(answer), rows(expected), "{question}");
    }
    assert_eq!(same.ask("costs/budgets").await.currency, None);
    let forecast = same.ask("costs/forecast").await;
    assert_eq!(forecast.currency.as_deref(), Some("USX"));
}
