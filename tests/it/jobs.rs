//! What servers do by themselves: once, at its time, whole or not at all.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::{ServerProcess, cli};
use systemprompt_testkit::smtp::{Encryption, SmtpSink};
use systemprompt_testkit::webhook::{Reply, WebhookSink};

use crate::system::System;

/// What `systemprompt infra jobs …` answers.
fn jobs(system: &System, args: &[&str]) -> Value {
    let url = system.db.url();
    let args = [
        &["infra", "jobs"][..],
        args,
        &["--json", "--database-url", &url],
    ]
    .concat();
    let output = cli(&args).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn number(system: &System, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(system.db.pool())
        .await
        .unwrap()
}

async fn until(system: &System, sql: &'static str, enough: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = number(system, sql).await;
        if seen >= enough {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{sql}: {seen}, not {enough}\n{}",
            system.server.stderr()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Starts the server of a system again.
async fn restart(system: &mut System, sets: &[&str]) {
    let mut command = command(system.storage.path(), &system.upstream.url()).unwrap();
    command.arg("--database-url").arg(system.db.url());
    for set in sets {
        command.arg("--set").arg(set);
    }
    system.server = ServerProcess::spawn(command).await.unwrap();
}

async fn stop(system: &mut System) {
    system.server.sigterm().unwrap();
    let exit = system.server.wait_exit(PATIENCE).await;
    assert!(exit.unwrap().success(), "{}", system.server.stderr());
}

/// The files of reports, finished or not.
fn reports(system: &System) -> Vec<String> {
    let folder = system.storage.path().join("files/reports");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const SUCCEEDED: &str =
    "select count(*) from job_runs where state = 'succeeded' and job = 'partitions'";
const REPORTED: &str =
    "select count(*) from job_runs where state = 'succeeded' and job = 'daily_traffic_report'";
/// A daily report that is not due while a test runs, whenever that is.
fn twelve_hours_from_now() -> String {
    let hour = (time::OffsetDateTime::now_utc().hour() + 12) % 24;
    format!("scheduler.jobs.daily_traffic_report.schedule='0 0 {hour} * * *'")
}

const EVERY_SECOND: &str = "scheduler.jobs.partitions.schedule='* * * * * *'";

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_reaches_running_servers() {
    let system = System::with(&[EVERY_SECOND]).await;
    until(&system, SUCCEEDED, 2).await;
    assert_eq!(jobs(&system, &["disable", "partitions"])["changed"], true);
    // What is under way ends; then nothing happens for three slots.
    let deadline = Instant::now() + PATIENCE;
    let then = loop {
        let then = number(&system, SUCCEEDED).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = number(&system, SUCCEEDED).await;
        if now == then {
            break then;
        }
        assert!(Instant::now() < deadline, "it goes on: {now}");
    };
    jobs(&system, &["enable", "partitions"]);
    until(&system, SUCCEEDED, then + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_lines_share_a_trace() {
    let system = System::with(&[EVERY_SECOND]).await;
    until(&system, SUCCEEDED, 1).await;
    let history = jobs(
        &system,
        &["history", "--job", "partitions", "--state", "succeeded"],
    );
    let run = &history["runs"][0];
    let trace = run["trace_id"].as_str().unwrap();
    let url = system.db.url();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let args = [
            "infra",
            "logs",
            "view",
            "--trace",
            trace,
            "--database-url",
            &url,
        ];
        let output = cli(args).unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        if lines.contains("a job begins") && lines.contains("a job ended") {
            return;
        }
        assert!(Instant::now() < deadline, "{lines}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_told_on_discord_once() {
    let sink = WebhookSink::start().await.unwrap();
    sink.reply([Reply::status(429).header("retry-after", "1")]);
    let discord = format!("notifications.discord.webhook_url={}", sink.url("/discord"));
    // Two slots about one day: one summary.
    let often = "scheduler.jobs.daily_traffic_report.schedule='*/2 * * * * *'";
    let system = System::with(&[&discord, often]).await;
    until(&system, REPORTED, 2).await;
    until(
        &system,
        "select count(*) from outbox where state = 'sent'",
        1,
    )
    .await;
    assert_eq!(number(&system, "select count(*) from outbox").await, 1);
    let posts = sink.posts();
    assert_eq!(
        posts.len(),
        2,
        "the one that was put off, and the one that was taken"
    );
    assert_eq!(posts[0].body, posts[1].body);
    let body = posts[1].json();
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    let embed = &body["embeds"][0];
    let length = |value: &Value| value.as_str().unwrap().encode_utf16().count();
    assert!(
        embed["title"]
            .as_str()
            .unwrap()
            .starts_with("Traffic report for ")
    );
    assert!(length(&embed["title"]) <= 256 && length(&embed["description"]) <= 4_096);
    let fields = embed["fields"].as_array().unwrap();
    assert!((1..=25).contains(&fields.len()));
    let results = jobs(
        &system,
        &["history", "--job", "daily_traffic_report", "--limit", "100"],
    );
    let said = |text: &str| {
        let runs = results["runs"].as_array().unwrap().iter();
        let result = |run: &&Value| run["result"].as_str().is_some_and(|r| r.ends_with(text));
        runs.filter(result).count()
    };
    assert_eq!(said("; discord: queued"), 1);
    assert!(said("; discord: queued before") >= 1);
    // A next slot may be writing them again.
    let deadline = Instant::now() + PATIENCE;
    while reports(&system).len() != 2 {
        let found = reports(&system);
        assert!(
            Instant::now() < deadline,
            "not the page and its Markdown: {found:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The report by mail, over a real conversation with a mail server.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_mailed_to_those_who_want_it() {
    let sink = SmtpSink::start(Encryption::None).await.unwrap();
    let mail = format!(
        "notifications.email={{smtp_url: \"{}\", from: reports@example.com, to: [ops@example.com, cfo@example.com]}}",
        sink.url()
    );
    let sets = [
        mail.as_str(),
        "scheduler.jobs.daily_traffic_report.schedule='*/2 * * * * *'",
        "scheduler.jobs.daily_traffic_report.parameters.channels=[email]",
    ];
    let system = System::with(&sets).await;
    until(&system, REPORTED, 2).await;
    let sent = "select count(*) from outbox where state = 'sent'";
    until(&system, sent, 1).await;
    let mails = sink.mails();
    assert_eq!(mails.len(), 1, "one day, one mail: {mails:?}");
    let mail = &mails[0];
    assert_eq!(mail.from, "reports@example.com");
    assert_eq!(mail.to, ["ops@example.com", "cfo@example.com"]);
    for said in [
        "Subject: systemprompt: Traffic report for ",
        "Sessions of people: ",
        "AI spend: $",
        "files/reports/traffic-",
    ] {
        assert!(mail.content.contains(said), "{said}: {}", mail.content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_written_fails_and_is_written_later() {
    let often = "scheduler.jobs.daily_traffic_report.schedule=0 * * * * *";
    let mut system = System::start().await;
    stop(&mut system).await;
    // Something is in the way, as a full or foreign disk would be.
    let blocked: PathBuf = system.storage.path().join("files");
    fs::write(&blocked, "no folder").unwrap();
    sqlx::query("update jobs set scheduled_through = now() - interval '1 hour'")
        .execute(system.db.pool())
        .await
        .unwrap();
    restart(&mut system, &[often]).await;
    let failed = "select count(*) from audit_events where event = 'job_failed'";
    until(&system, failed, 1).await;
    fs::remove_file(&blocked).unwrap();
    sqlx::query("update job_runs set next_at = now() where state = 'waiting'")
        .execute(system.db.pool())
        .await
        .unwrap();
    jobs(&system, &["enable", "daily_traffic_report"]);
    until(&system, REPORTED, 1).await;
    assert_eq!(reports(&system).len(), 2);
    let result: String = sqlx::query_scalar(
        "select result from job_runs where job = 'daily_traffic_report' and state = 'succeeded'",
    )
    .fetch_one(system.db.pool())
    .await
    .unwrap();
    assert!(result.ends_with("; discord: not configured"), "{result}");
}

/// A disk of a few kilobytes, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where disks may not be mounted.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8k", "tmpfs"])
            .arg(&at)
            .status();
        mounted.ok()?.success().then_some(Self(at))
    }

    fn grow(&self) {
        let grown = Command::new("mount")
            .args(["-o", "remount,size=8m"])
            .arg(&self.0)
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_a_report_which_is_written_later() {
    let schedule = twelve_hours_from_now();
    let mut system = System::with(&[&schedule]).await;
    stop(&mut system).await;
    let Some(disk) = SmallDisk::mount(system.storage.path().join("files/reports")) else {
        println!("skipped: disks may not be mounted here");
        return;
    };
    sqlx::query(
        "update jobs set scheduled_through = now() - interval '2 days' \
         where name = 'daily_traffic_report'",
    )
    .execute(system.db.pool())
    .await
    .unwrap();
    restart(&mut system, &[&schedule]).await;
    let failed = "select count(*) from audit_events where event = 'job_failed'";
    until(&system, failed, 1).await;
    let error: String = sqlx::query_scalar(
        "select error from job_runs where job = 'daily_traffic_report' and error is not null",
    )
    .fetch_one(system.db.pool())
    .await
    .unwrap();
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(reports(&system), [""; 0], "nothing of it is left");
    disk.grow();
    sqlx::query("update job_runs set next_at = now() where state = 'waiting'")
        .execute(system.db.pool())
        .await
        .unwrap();
    jobs(&system, &["enable", "daily_traffic_report"]);
    until(&system, REPORTED, 1).await;
    assert_eq!(reports(&system).len(), 2);
    stop(&mut system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_report_leaves_nothing_half_written() {
    let schedule = twelve_hours_from_now();
    let mut system = System::with(&[&schedule]).await;
    stop(&mut system).await;
    sqlx::query(
        "update jobs set scheduled_through = now() - interval '2 days' \
         where name = 'daily_traffic_report'",
    )
    .execute(system.db.pool())
    .await
    .unwrap();
    // The report waits for this table.
    let mut lock = system.db.pool().begin().await.unwrap();
    sqlx::query("lock table usage_hour, usage_day in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    restart(&mut system, &[&schedule]).await;
    let running =
        "select count(*) from job_runs where job = 'daily_traffic_report' and state = 'running'";
    until(&system, running, 1).await;
    stop(&mut system).await;
    assert_eq!(reports(&system), [""; 0]);
    let waiting =
        "select count(*) from job_runs where job = 'daily_traffic_report' and state = 'waiting'";
    assert_eq!(
        number(&system, waiting).await,
        1,
        "it is left to the next server"
    );
    lock.rollback().await.unwrap();
    sqlx::query("update job_runs set next_at = now() where state = 'waiting'")
        .execute(system.db.pool())
        .await
        .unwrap();
    restart(&mut system, &[&schedule]).await;
    until(&system, REPORTED, 1).await;
    assert_eq!(reports(&system).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_day_is_made_up_at_the_start() {
    let schedule = twelve_hours_from_now();
    let mut system = System::with(&[&schedule]).await;
    assert_eq!(
        number(&system, REPORTED).await,
        0,
        "a new installation has no yesterday"
    );
    stop(&mut system).await;
    sqlx::query(
        "update jobs set scheduled_through = now() - interval '3 days' \
         where name = 'daily_traffic_report'",
    )
    .execute(system.db.pool())
    .await
    .unwrap();
    restart(&mut system, &[&schedule]).await;
    until(&system, REPORTED, 1).await;
    let runs = "select count(*) from job_runs where job = 'daily_traffic_report'";
    assert_eq!(number(&system, runs).await, 1, "the last one alone");
    assert_eq!(reports(&system).len(), 2);
}
