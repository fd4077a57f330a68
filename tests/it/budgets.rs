//! Budgets over real servers: what may be spent is, and no more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::json;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::process::cli;

use crate::fleet::{COST, Fleet, MOCK, ask, body, not_at_midnight};
use crate::system::{CHAT, GENERATE, MESSAGES, RESPONSES, System};

fn daily(limit: &str, more: &str) -> String {
    format!(
        "analytics.alerts=[{{type: daily_cost, threshold: {limit}, action: [pause_requests]{more}}}]"
    )
}

#[tokio::test]
async fn a_fleet_spends_its_budget_and_no_more() {
    not_at_midnight().await;
    // 400 of 1,200 requests fit.
    let limit = 400 * COST;
    let dollars = systemprompt_domain::Nanos(limit).to_string();
    let mut fleet = Fleet::start(4, &[daily(&dollars, "")]).await;
    let addrs: Vec<_> = (0..4).map(|at| fleet.addr(at)).collect();
    let addrs = Arc::new(addrs);
    let mut clients = tokio::task::JoinSet::new();
    // So many at once that servers compete, so few that each is answered within the
    // time that a request may wait for the database.
    for n in 0..60_usize {
        let addrs = Arc::clone(&addrs);
        clients.spawn(async move {
            let addr = addrs[n % addrs.len()];
            let mut client = Client::new(addr);
            let mut answers = Vec::new();
            for _ in 0..20 {
                answers.push(ask(addr, &mut client).await);
            }
            answers
        });
    }
    let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    let mut statuses = BTreeMap::new();
    for answer in &answers {
        *statuses.entry(answer.status.as_u16()).or_insert(0_i64) += 1;
        if answer.status == StatusCode::OK {
            continue;
        }
        assert_eq!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("x-systemprompt-budget"), "daily_cost");
        assert!(
            answer.text().contains("the budget daily_cost"),
            "{}",
            answer.text()
        );
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        if answer.header("x-should-retry") == "false" {
            assert!(
                wait > 60 && wait <= 24 * 3600,
                "{wait} s to the period's end"
            );
        } else {
            assert_eq!(wait, 2, "others' reservations may come to nothing soon");
        }
    }
    fleet.stored().await;
    let spent = fleet.number("select spent_nanos from budget_periods").await;
    let raw = fleet
        .number("select sum(cost_nanos)::bigint from ai_requests")
        .await;
    assert_eq!(spent, raw, "the ledger is the sum of the requests");
    // A reservation is more than such a request costs, so nothing is overspent.
    assert!(spent <= limit, "spent {spent} of {limit}");
    assert_eq!(spent, statuses[&200] * COST);
    assert_eq!(
        fleet.upstream.call_count(),
        u64::try_from(statuses[&200]).unwrap()
    );
    // Refusals are recorded too, if less eagerly.
    let paused = "select count(*) from ai_requests where state = 'paused'";
    fleet.until(paused, statuses[&429]).await;

    // When reservations have come in, everything that fits goes through, from
    // whichever server.
    let deadline = Instant::now() + PATIENCE;
    let mut client = Client::new(fleet.addr(0));
    loop {
        let answer = ask(fleet.addr(0), &mut client).await;
        if answer.status == StatusCode::OK {
            continue;
        }
        if answer.header("x-should-retry") == "false" {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "what is left is reserved for ever: {}",
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    fleet.stored().await;
    let spent = fleet.number("select spent_nanos from budget_periods").await;
    // 200 output tokens and the body: what one more would have reserved.
    let need = 200 * 15_000 + 60 * 3_000;
    assert!(
        spent <= limit && spent + need > limit,
        "spent {spent} of {limit}"
    );

    // A restart changes nothing, and neither does time.
    fleet.stop().await;
    let leased = fleet
        .number("select leased_nanos from budget_periods")
        .await;
    assert_eq!(leased, 0, "a server that stops gives back what it holds");
    fleet.restart(2).await;
    let addr = fleet.addr(2);
    let mut client = Client::new(addr);
    let answer = ask(addr, &mut client).await;
    assert_eq!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        answer.text()
    );

    // Somebody lifts it.
    let out = cli([
        "alerts",
        "resume",
        "daily_cost",
        "--until",
        "2h",
        "--database-url",
        &fleet.db.url(),
        "--set",
        &fleet.sets[0],
    ])
    .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let mut client = Client::new(addr);
    let deadline = Instant::now() + PATIENCE;
    while ask(addr, &mut client).await.status != StatusCode::OK {
        assert!(Instant::now() < deadline, "still paused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for event in ["requests_paused", "requests_resumed"] {
        let events: i64 = sqlx::query_scalar("select count(*) from audit_events where event = $1")
            .bind(event)
            .fetch_one(fleet.db.pool())
            .await
            .unwrap();
        assert_eq!(events, 1, "{event}");
    }
}

#[tokio::test]
async fn much_left_means_few_questions() {
    not_at_midnight().await;
    let limit = systemprompt_domain::Nanos(10_000 * COST).to_string();
    let fleet = Fleet::start(1, &[daily(&limit, "")]).await;
    let mut client = Client::new(fleet.addr(0));
    for _ in 0..1_000 {
        let answer = ask(fleet.addr(0), &mut client).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let request = hyper::Request::get("/readyz")
        .header("host", fleet.addr(0).to_string())
        .body(Default::default())
        .unwrap();
    let health = client.send(request).await.unwrap().json();
    let asked = health["budget_questions"].as_u64().unwrap();
    assert!(
        (1..=50).contains(&asked),
        "{asked} questions for 1,000 requests"
    );
}

#[tokio::test]
async fn what_a_killed_server_held_comes_back_with_it() {
    not_at_midnight().await;
    let limit = 1_000 * COST;
    let dollars = systemprompt_domain::Nanos(limit).to_string();
    let mut fleet = Fleet::start(2, &[daily(&dollars, "")]).await;
    let addr = fleet.addr(0);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..20 {
        clients.spawn(async move {
            let mut client = Client::new(addr);
            // The last answers never come.
            loop {
                let request = hyper::Request::post(MESSAGES)
                    .header("host", addr.to_string())
                    .header("x-mock", MOCK)
                    .body(body().to_string().into())
                    .unwrap();
                if client.send(request).await.is_err() {
                    return;
                }
            }
        });
    }
    // In the middle of it, with a part of the budget in hand.
    let begun = "select least(count(*), 20) from ai_requests";
    fleet.until(begun, 20).await;
    let holds = "select count(*) from budget_periods where leased_nanos > 0";
    fleet.until(holds, 1).await;
    fleet.servers[0].kill9().unwrap();
    clients.join_all().await;
    let before = fleet
        .number("select leased_nanos from budget_periods")
        .await;
    assert!(before > 0, "what it held counts as spent until it is back");
    fleet.restart(0).await;
    fleet.stored().await;
    let held = "select coalesce(sum(leased_nanos), 0)::bigint from budget_leases";
    fleet.until(held, 0).await;
    fleet
        .until("select leased_nanos from budget_periods", 0)
        .await;
    let spent = fleet.number("select spent_nanos from budget_periods").await;
    let raw = fleet
        .number("select coalesce(sum(cost_nanos), 0)::bigint from ai_requests")
        .await;
    assert_eq!(spent, raw);
}

#[tokio::test]
async fn refusals_have_each_providers_shape() {
    let nothing = daily("0", "");
    let system = System::with(&[&nothing]).await;
    for (path, kind, pointer) in [
        (MESSAGES, "rate_limit_error", "/error/type"),
        (CHAT, "budget_exceeded", "/error/code"),
        (RESPONSES, "budget_exceeded", "/error/code"),
        (GENERATE, "RESOURCE_EXHAUSTED", "/error/status"),
    ] {
        for model in ["claude-sonnet-4-5", "nobody-knows-its-price"] {
            let answer = system.post(path, "", &json!({"model": model})).await;
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
            assert_eq!(answer.json().pointer(pointer), Some(&json!(kind)), "{path}");
            assert_eq!(answer.header("x-should-retry"), "false");
            let row = system.row(&answer).await;
            assert_eq!(
                [row.text("state"), row.text("error_code")],
                ["paused", "daily_cost"]
            );
        }
    }
    assert_eq!(system.upstream.call_count(), 0, "nothing left");
}

#[tokio::test]
async fn a_paused_agent_cannot_spend_where_nothing_is_metered() {
    let alerts = "analytics.alerts=[{type: daily_cost, threshold: 0, action: pause_requests, scope: {agent: scout}}]";
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "sk-ours").unwrap();
    let managed = format!(
        "providers.openai.credentials={{file: {}}}",
        key.path().display()
    );
    let unmetered = [
        "/openai/v1/batches",
        "/openai/v1/images/generations",
        "/openai/v1/audio/speech",
        "/openai/v1/fine_tuning/jobs",
    ];
    for (allowed, status) in [
        (false, StatusCode::FORBIDDEN),
        (true, StatusCode::TOO_MANY_REQUESTS),
    ] {
        let allow = format!(
            "providers.openai.unmetered={}",
            if allowed { "allow" } else { "refuse" }
        );
        let system = System::with(&[alerts, &managed, &allow]).await;
        for path in unmetered {
            let scout = [("x-systemprompt-agent", "scout")];
            let answer = system.post_with(path, &scout, &json!({"model": "m"})).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            assert_eq!(
                answer.header("x-systemprompt-budget"),
                "daily_cost-agent-scout"
            );
            let other = [("x-systemprompt-agent", "clerk")];
            let answer = system.post_with(path, &other, &json!({"model": "m"})).await;
            assert_ne!(
                answer.header("x-systemprompt-budget"),
                "daily_cost-agent-scout"
            );
            assert_ne!(answer.status, status, "another agent is not held up");
        }
        assert_eq!(
            system.upstream.call_count(),
            4,
            "only the other agent's requests left"
        );
    }
}
