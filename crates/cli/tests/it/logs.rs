//! What servers said, and what happened on a trace.

use std::fs;

use serde_json::{Value, json};

use crate::answers::{Asked, json as read};

/// Three lines: of scout's trace, of none, and hostile.
const LINES: &str = r#"
create table logs_history partition of logs for values from (minvalue) to (maxvalue);
insert into logs (id, created_at, level, target, message, trace_id, fields) values
    ('01ab2c3d-4e60-7000-8000-0000000000b1', '2026-11-25T09:58:00.500Z', 'warn',
     'server::gateway', 'the provider cannot be reached',
     '01ab2c3d-4e5f-7000-8000-000000000001', '{"error": "Connection refused", "n": 3}'),
    ('01ab2c3d-4e60-7000-8000-0000000000b2', '2026-11-25T10:00:00Z', 'info', 'server', 'ready', null, null),
    ('01ab2c3d-4e60-7000-8000-0000000000b3', '2026-11-25T10:01:00Z', 'error', 'storage',
     '=cmd|'' /C calc''!A0' || E'\u001b[2J', null, null)"#;

async fn asked() -> Asked {
    let asked = Asked::new().await;
    sqlx::raw_sql(LINES)
        .execute(asked.db.pool())
        .await
        .expect("the lines");
    asked
}

#[tokio::test]
async fn lines_are_shown_the_newest_first() {
    let asked = asked().await;
    let run = asked.run("infra logs view").await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    insta::assert_snapshot!(run.out, @r#"
    2026-11-25 10:01:00.000 ERROR storage: =cmd|' /C calc'!A0\u{1b}[2J
    2026-11-25 10:00:00.000 INFO  server: ready
    2026-11-25 09:58:00.500 WARN  server::gateway: the provider cannot be reached  n=3  error="Connection refused"  trace=01ab2c3d4e5f70008000000000000001
    "#);
    let limited = asked.run("infra logs view --limit 2 --json").await;
    let answer = read(&limited);
    assert_eq!(
        (&answer["more"], &answer["rows"][1]["message"]),
        (&json!(true), &json!("ready"))
    );
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn every_filter_of_lines_filters() {
    let asked = asked().await;
    for (args, found) in [
        ("view --level warn", vec!["b3", "b1"]),
        ("view --level error", vec!["b3"]),
        ("view --target server", vec!["b2", "b1"]),
        ("view --trace 01ab2c3d4e5f", vec!["b1"]),
        ("view --since 8m --until 7m", vec!["b2"]),
        ("search REFUSED", vec!["b1"]),
        ("search cannot", vec!["b1"]),
        ("search %", vec![]),
        ("search cannot --until 10m", vec![]),
    ] {
        let run = asked.run(&format!("infra logs {args} --json")).await;
        let rows = read(&run)["rows"].clone();
        let ids = rows.as_array().expect("rows").iter();
        let ids: Vec<String> = ids
            .map(|row| row["id"].as_str().expect("an id")[34..].to_owned())
            .collect();
        assert_eq!(ids, found, "{args}");
    }
    let refused = asked.run("infra logs view --trace 01ab").await;
    assert_eq!(
        (refused.code, refused.out.as_str()),
        (2, ""),
        "{}",
        refused.err
    );
    let none = asked.run("infra logs view --since 1m").await;
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.starts_with("No lines."), "{}", none.err);
}

#[tokio::test]
async fn lines_go_to_files_the_oldest_first() {
    let asked = asked().await;
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("logs.csv");
    let run = asked
        .run(&format!("infra logs export {}", csv.display()))
        .await;
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    assert_eq!(run.err, format!("Wrote 3 lines to {}.\n", csv.display()));
    let mut reader = csv::Reader::from_path(&csv).expect("CSV");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let messages: Vec<&str> = rows.iter().map(|row| &row[3]).collect();
    assert_eq!(messages[..2], ["the provider cannot be reached", "ready"]);
    assert!(messages[2].starts_with("'=cmd"), "no spreadsheet runs it");
    let piped = asked.run("infra logs export --level warn").await;
    let lines: Vec<Value> = piped
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!((lines.len(), &lines[0]["level"]), (2, &json!("warn")));
    let unknown = asked.run("infra logs export logs.txt").await;
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[tokio::test]
async fn a_request_in_full_is_its_page_and_its_trace() {
    let asked = asked().await;
    let list = asked
        .run("analytics requests list --json --state completed")
        .await;
    let id = read(&list)["rows"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let full = asked.run(&format!("infra logs audit {id} --full")).await;
    assert_eq!((full.code, full.err.as_str()), (0, ""));
    assert!(
        full.out.starts_with(&format!("request  {id}")),
        "{}",
        full.out
    );
    assert!(full.out.contains("\ntrace  "), "{}", full.out);
    let json = read(
        &asked
            .run(&format!("infra logs audit {id} --full --json"))
            .await,
    );
    assert_eq!(
        (&json["question"], &json["request"]["id"]),
        (&json!("traces show"), &json!(id))
    );
    let trace = json["request"]["trace_id"].as_str().expect("a trace");
    let shown = asked.run(&format!("infra logs trace show {trace}")).await;
    assert!(full.out.ends_with(&shown.out), "{}", shown.out);
    let listed = asked.run("infra logs trace list --json").await;
    assert_eq!(read(&listed)["question"], "traces list");
    let vague = asked.run("infra logs audit 01a2122b5740 --full").await;
    assert_eq!((vague.code, vague.out.as_str()), (2, ""));
    assert!(
        vague.err.contains("is ambiguous: request "),
        "{}",
        vague.err
    );
    let unknown = asked.run("infra logs audit nobody --full").await;
    assert_eq!(
        (unknown.code, unknown.out.as_str()),
        (1, ""),
        "{}",
        unknown.err
    );
}
