//! What admins do at `/admin` besides looking: run and switch jobs, write reports,
//! verify the audit log.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::users::Role;
use systemprompt_testkit::PATIENCE;

use super::house::House;
use crate::browser::Browser;

/// What `systemprompt infra …` answers, in JSON.
fn infra(house: &House, args: &[&str]) -> Value {
    let url = house.system.db.url();
    let line = [
        &["infra"][..],
        args,
        &["--json", "--database-url", url.as_str()],
    ]
    .concat();
    let output = systemprompt_testkit::process::cli(&line).unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{line:?}: {error}: {output:?}"))
}

/// Runs a job from its page, to its end; what the page said of it.
async fn run_now(house: &House, browser: &mut Browser<'_>, job: &str) -> String {
    let ran = browser.post("/admin/jobs/run", &[("name", job)]).await;
    assert_eq!(ran.status, StatusCode::OK, "{}", ran.text());
    let told = ran.text();
    // The page does not wait for long, and a busy machine takes its time.
    if told.contains(&format!("{job} is running.")) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let runs = infra(house, &["jobs", "history", "--job", job]);
            if runs["runs"][0]["state"] == "succeeded" {
                return runs["runs"][0]["result"].to_string();
            }
            assert!(Instant::now() < deadline, "{runs}");
        }
    }
    assert!(told.contains(&format!("{job} is done: ")), "{told}");
    told
}

/// A page once it shows this.
async fn until_shown(browser: &mut Browser<'_>, path: &str, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = browser.get(path).await.text();
        if page.contains(text) {
            return page;
        }
        assert!(Instant::now() < deadline, "{text}: {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn jobs_are_seen_run_and_switched() {
    let house = House::furnished().await;
    house.joins("vera", Role::Viewer).await;
    let mut ada = Browser::signed_in(&house.system, "ada").await;
    let page = ada.get("/admin/jobs").await.text();
    let listed = infra(&house, &["jobs", "list"]);
    // Between the two looks a slot may have come.
    let page = page + &ada.get("/admin/jobs").await.text();
    for job in listed["jobs"].as_array().unwrap() {
        for field in ["name", "about", "schedule", "timezone"] {
            let text = job[field].as_str().unwrap();
            assert!(page.contains(text), "{text} is not on the page");
        }
        // What is due every minute may be due at another by now.
        if job["name"] == "retention" || job["name"] == "daily_traffic_report" {
            let next = job["next"].as_str().unwrap()[..16].replace('T', " ");
            assert!(page.contains(&next), "{job}");
        }
    }
    let name = [("name", "partitions")];
    let told = run_now(&house, &mut ada, "partitions").await;
    let runs = infra(&house, &["jobs", "history", "--job", "partitions"]);
    let run = &runs["runs"][0];
    assert_eq!(
        (&run["by"], &run["state"]),
        (&json!("ada"), &json!("succeeded"))
    );
    assert!(told.contains(run["result"].as_str().unwrap()));
    // Switched here, it is switched for everybody.
    let off = [("name", "partitions"), ("enable", "no")];
    let answer = ada.post("/admin/jobs/switch", &off).await.text();
    assert!(
        answer.contains("partitions is disabled, on all servers"),
        "{answer}"
    );
    let shown = infra(&house, &["jobs", "show", "partitions"]);
    assert_eq!(
        (&shown["enabled"], &shown["decided_by"]),
        (&json!(false), &json!("operator"))
    );
    let unknown = ada.post("/admin/jobs/run", &[("name", "nothing")]).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Viewers look, and other sites do nothing.
    let mut vera = Browser::signed_in(&house.system, "vera").await;
    let page = vera.get("/admin/jobs").await.text();
    assert!(page.contains("partitions") && !page.contains("Run now"));
    for path in [
        "/admin/jobs/run",
        "/admin/jobs/switch",
        "/admin/audit/verify",
    ] {
        let answer = vera.post(path, &name).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        let foreign = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "cross-site"),
        ];
        let body = "name=partitions".to_owned();
        let answer = ada.send(Method::POST, path, &foreign, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let runs = infra(&house, &["jobs", "history", "--job", "partitions"]);
    assert_eq!(runs["runs"][0]["id"], run["id"], "nothing else ran");
}

#[tokio::test]
async fn reports_are_written_read_and_kept() {
    let house = House::furnished().await;
    let mut ada = Browser::signed_in(&house.system, "ada").await;
    let page = ada.get("/admin/reports").await.text();
    assert!(page.contains("No report was written yet"), "{page}");
    run_now(&house, &mut ada, "daily_traffic_report").await;
    let page = ada.get("/admin/reports").await.text();
    let (_, rest) = page.split_once("href=\"/admin/reports/traffic-").unwrap();
    let (day, _) = rest.split_once('"').unwrap();
    let read = ada.get(&format!("/admin/reports/traffic-{day}")).await;
    assert_eq!(read.header("content-type"), "text/html; charset=utf-8");
    assert!(read.header("content-security-policy").ends_with("sandbox"));
    assert_eq!(read.header("x-frame-options"), "DENY");
    assert!(
        read.text().contains("<h1>Traffic report for "),
        "{}",
        read.text()
    );
    let kept = ada.get(&format!("/admin/reports/traffic-{day}.md")).await;
    assert!(
        kept.header("content-disposition")
            .starts_with("attachment; ")
    );
    let storage = house.system.storage.path().display().to_string();
    let args = ["reports", "show", day, "--storage", &storage];
    let shown = systemprompt_testkit::process::cli(args).unwrap();
    assert_eq!(kept.text().as_bytes(), shown.stdout);
    for path in [
        "traffic-2020-01-01",
        "..%2F..%2Fprofile.yaml",
        "traffic-2020-01-01.md",
    ] {
        let answer = ada.get(&format!("/admin/reports/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = Browser::new(&house.system)
        .get(&format!("/admin/reports/traffic-{day}"))
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_audit_log_is_verified_from_its_page() {
    let house = House::furnished().await;
    house.settles().await;
    let mut ada = Browser::signed_in(&house.system, "ada").await;
    let page = ada.get("/admin/audit").await.text();
    assert!(
        page.contains("not by this server since its start"),
        "{page}"
    );
    let answer = ada.post("/admin/audit/verify", &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let sound = "<span class=\"tag good\">sound</span>";
    let page = until_shown(&mut ada, "/admin/audit", sound).await;
    assert!(page.contains(" by ada, in "), "{page}");
    let harm = "set session_replication_role = replica; \
                update audit_events set event = 'nothing' where seq = 4; \
                reset session_replication_role";
    sqlx::raw_sql(harm)
        .execute(house.system.db.pool())
        .await
        .unwrap();
    ada.post("/admin/audit/verify", &[]).await;
    let page = until_shown(&mut ada, "/admin/audit", "not what was recorded").await;
    for said in ["not what was recorded", "event 4", "column_differs"] {
        assert!(page.contains(said), "{said}: {page}");
    }
}
