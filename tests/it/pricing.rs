//! A wrong price, mended while the server runs: requests to come are priced
//! right within a second, those of the past when the operator says so.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use systemprompt_cli::{Look, Outside};
use systemprompt_domain::Clock;
use systemprompt_storage::check::check;
use systemprompt_testkit::PATIENCE;

use crate::system::{CHAT, MESSAGES, System, request_id};

/// As JSON, which needs no spaces: the command line is split at them.
const BUDGETS: &str = r#"analytics.alerts=[{"type":"daily_cost","threshold":9,"action":"email"},{"type":"monthly_cost","threshold":9,"action":"email","scope":{"model":"house-1"}}]"#;

/// What a server says once it prices with what was imported.
const HEARD: &str = "prices were imported; requests are priced with them";

impl System {
    /// Runs a command line of the operator against the system's database.
    async fn operator(&self, line: &str) -> Value {
        let line = format!(
            "systemprompt {line} --json --database-url {} --set {BUDGETS}",
            self.db.url()
        );
        let run = move || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut outside = Outside {
                out: &mut out,
                err: &mut err,
                look: Look::default(),
                live: false,
                clock: Clock::System,
            };
            let code = systemprompt_cli::run(line.split(' ').map(OsString::from), &mut outside);
            assert_eq!(code, 0, "{line}: {}", String::from_utf8_lossy(&err));
            serde_json::from_slice(&out).unwrap()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// The connection that listens for imports, once there is one other than this.
    async fn listening(&self, other_than: i64) -> i64 {
        let listens = "select coalesce(max(pid), 0)::bigint from pg_stat_activity \
            where datname = current_database() and pid <> pg_backend_pid() \
                and query ilike 'listen%prices%'";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pid = self.scalar(listens).await.unwrap();
            if pid != 0 && pid != other_than {
                return pid;
            }
            let said = self.server.stderr();
            assert!(Instant::now() < deadline, "no connection listens: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the server has said this.
    async fn hears(&self, text: &str) {
        // Less than the half minute after which prices are looked at anyway.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.server.stderr().contains(text) {
            assert!(Instant::now() < deadline, "{}", self.server.stderr());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The total of `costs summary`, in US dollars.
    async fn spent(&self) -> String {
        let answer = self.operator("analytics costs summary --since 24h").await;
        answer["rows"][0]["cost"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_wrong_price_is_mended_for_the_future_and_for_the_past() {
    let system = System::with(&[BUDGETS]).await;
    let haiku = json!({"model": "claude-haiku-4-5",
        "messages": [{"role": "user", "content": "a"}]});
    let house = json!({"model": "house-1", "messages": [{"role": "user", "content": "b"}]});
    let before = system.post(MESSAGES, "in=1000,out=100", &haiku).await;
    let unpriced = system.post(CHAT, "in=500,out=10", &house).await;
    assert_eq!(
        system.row(&before).await.number("cost_nanos"),
        Some(1_500_000)
    );
    assert_eq!(system.row(&unpriced).await.number("cost_nanos"), None);

    system.listening(0).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.yaml");
    let prices = "providers:
  anthropic: {models: [{model: claude-haiku-4-5, source: single 2026-11-24, versions: [
    {rates: {input: 2, output: 10}}]}]}
  openai: {models: [{model: house-1, source: single 2026-11-24, versions: [
    {rates: {input: 1, output: 4}}]}]}";
    std::fs::write(&file, prices).unwrap();
    let line = format!("pricing import {}", file.display());
    let shown = system.operator(&format!("{line} --dry-run")).await;
    assert_eq!((&shown["new"], &shown["changed"]), (&json!(1), &json!(1)));
    let imported = system.operator(&line).await;
    assert_eq!(imported["prices"], shown["prices"]);
    system.hears(HEARD).await;
    let after = system.post(MESSAGES, "in=1000,out=100", &haiku).await;
    let priced = system.post(CHAT, "in=500,out=10", &house).await;
    assert_eq!(
        system.row(&after).await.number("cost_nanos"),
        Some(3_000_000)
    );
    assert_eq!(
        system.row(&priced).await.number("cost_nanos"),
        Some(540_000)
    );
    assert_eq!(system.count().await.unwrap(), 4);
    assert_eq!(system.spent().await, "0.00504");

    let line = "pricing recompute --since 24h";
    let shown = system.operator(&format!("{line} --dry-run")).await;
    assert_eq!(shown["changed"], 2);
    assert_eq!(shown["newly_priced"], 1);
    assert_eq!(
        (&shown["old_cost"], &shown["new_cost"], &shown["difference"]),
        (&json!("0.00504"), &json!("0.00708"), &json!("0.00204"))
    );
    assert_eq!(system.spent().await, "0.00504", "a dry run changes nothing");

    let done = system.operator(line).await;
    assert_eq!(done["models"], shown["models"]);
    assert_eq!(system.spent().await, "0.00708");
    assert_eq!(check(system.db.pool()).await.unwrap().differences, []);
    let budgets = system.operator("analytics costs budgets").await;
    let spent: Vec<_> = budgets["rows"].as_array().unwrap().iter().collect();
    let spent: Vec<_> = spent.iter().map(|row| &row["spent"]).collect();
    assert_eq!(spent, ["0.00708", "0.00108"], "accounts follow");
    let audited = "select count(*) from audit_events where event = 'costs_recomputed'";
    assert_eq!(system.scalar(audited).await.unwrap(), 1);
    let again = system.operator(line).await;
    assert_eq!(
        (&again["changed"], &again["requests"]),
        (&json!(0), &json!(4))
    );
    for answer in [&before, &unpriced] {
        let audit = format!("infra logs audit {}", request_id(answer));
        let shown = system.operator(&audit).await;
        assert_eq!(shown["rows"][0]["arithmetic_agrees"], true, "{shown}");
    }
    let corrected = "select count(*) from cost_corrections";
    assert_eq!(system.scalar(corrected).await.unwrap(), 2);
}

#[tokio::test]
async fn an_import_is_heard_after_the_connection_was_lost() {
    let system = System::start().await;
    let body = json!({"model": "house-2", "messages": [{"role": "user", "content": "a"}]});
    let first = system.listening(0).await;
    sqlx::query("select pg_terminate_backend($1::int)")
        .bind(i32::try_from(first).unwrap())
        .execute(system.db.pool())
        .await
        .unwrap();
    system.listening(first).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.json");
    let map = r#"{"house-2": {"litellm_provider": "openai", "mode": "chat",
        "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}"#;
    std::fs::write(&file, map).unwrap();
    system
        .operator(&format!("pricing import {}", file.display()))
        .await;
    system.hears(HEARD).await;
    let answer = system.post(CHAT, "in=10,out=1", &body).await;
    assert_eq!(system.row(&answer).await.number("cost_nanos"), Some(12_000));
}
