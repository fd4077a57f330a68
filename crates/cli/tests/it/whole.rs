//! Exports of everything: the rows are those of the tables, and nothing is lost
//! on the way to a file.

use std::fs;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::answers::Asked;

/// As far back as the history goes.
const ALL: &str = "--since 2026-01-01 --until 2026-12-31";

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn every_row_is_written_in_both_formats() {
    let asked = Asked::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (what, table) in [
        ("requests", "ai_requests"),
        ("sessions", "user_sessions"),
        ("tools", "mcp_tool_executions"),
        ("audit", "audit_events"),
    ] {
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
                .fetch_one(asked.db.pool())
                .await
                .expect("a count");
        assert!(count > 0, "the history has some of {table}");
        let piped = asked.run(&format!("export {what} {ALL}")).await;
        assert_eq!((piped.code, piped.err.as_str()), (0, ""), "{what}");
        let rows = lines(&piped.out);
        assert_eq!(rows.len(), usize::try_from(count).expect("few"), "{what}");

        let file = folder.path().join(format!("{what}.csv"));
        let written = asked
            .run(&format!("export {what} {} {ALL}", file.display()))
            .await;
        assert_eq!(written.code, 0, "{written:?}");
        assert!(written.err.contains(" to "), "{}", written.err);
        let mut csv = csv::Reader::from_path(&file).expect("a file");
        let columns = csv.headers().expect("a header").clone();
        let keys: Vec<&str> = rows[0]
            .as_object()
            .expect("a row")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(columns, keys, "{what}: both name the same columns");
        // What was exported meanwhile is in the trail as well.
        let records = csv.records().count();
        assert!(records >= rows.len(), "{what}: {records}");
    }
    let exports: i64 = sqlx::query_scalar(
        "select count(*) from audit_events where event = 'data_exported' and detail->>'of' like 'export %'",
    )
    .fetch_one(asked.db.pool())
    .await
    .expect("a count");
    assert_eq!(exports, 8, "each is recorded");
}

#[tokio::test]
async fn sums_of_an_export_are_those_of_the_answers() {
    let asked = Asked::new().await;
    let piped = asked.run(&format!("export requests {ALL}")).await;
    let rows = lines(&piped.out);
    let sum = |key: &str| -> Decimal {
        let of = rows.iter().filter_map(|row| match &row[key] {
            Value::String(text) => text.parse().ok(),
            Value::Number(n) => n.as_i64().map(Decimal::from),
            _ => None,
        });
        of.sum()
    };
    let expected: (i64, i64) =
        sqlx::query_as("select sum(cost_nanos)::bigint, sum(output)::bigint from ai_requests")
            .fetch_one(asked.db.pool())
            .await
            .expect("sums");
    assert_eq!(sum("cost_usd"), Decimal::new(expected.0, 9));
    assert_eq!(sum("output"), Decimal::from(expected.1));
    // The day that begins the period is in it, the one that ends it is not.
    let none = asked
        .run("export requests --since 2020-01-01 --until 2020-01-02")
        .await;
    assert_eq!((none.code, none.out.as_str()), (0, ""));
}

#[tokio::test]
async fn a_file_says_how_it_is_written_or_is_refused() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requests.xlsx");
    let refused = asked
        .run(&format!("export requests {}", file.display()))
        .await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("--format"), "{}", refused.err);
    let told = asked
        .run(&format!("export requests {} --format csv", file.display()))
        .await;
    assert_eq!(told.code, 0, "{told:?}");
    let text = fs::read_to_string(&file).expect("a file");
    assert!(
        text.starts_with("id,created_at,"),
        "a header and no rows: {text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn parquet_holds_what_the_others_hold() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    let asked = Asked::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    for what in ["requests", "sessions", "tools"] {
        let rows = lines(&asked.run(&format!("export {what} {ALL}")).await.out);
        let path = folder.path().join(format!("{what}.parquet"));
        let written = asked
            .run(&format!("export {what} {} {ALL}", path.display()))
            .await;
        assert_eq!(written.code, 0, "{written:?}");
        let file = fs::File::open(&path).expect("a file");
        let file = SerializedFileReader::new(file).expect("a file of Parquet");
        let read: Vec<_> = file.get_row_iter(None).expect("rows").collect();
        assert_eq!(read.len(), rows.len(), "{what}");
        for (read, row) in read.into_iter().zip(&rows) {
            let read = read.expect("a row").into_columns();
            let row = row.as_object().expect("a row");
            assert!(read.iter().map(|(key, _)| key).eq(row.keys()), "{what}");
            for (key, field) in &read {
                let value = &row[key];
                match field {
                    Field::Null => assert!(value.is_null(), "{what}: {key}"),
                    Field::Bool(flag) => assert_eq!(value.as_bool(), Some(*flag), "{what}: {key}"),
                    Field::Long(n) => assert_eq!(value.as_i64(), Some(*n), "{what}: {key}"),
                    Field::Str(text) => {
                        assert_eq!(value.as_str(), Some(text.as_str()), "{what}: {key}");
                    }
                    // DuckDB's suite compares these to the digit.
                    Field::TimestampMicros(_) => assert!(key.ends_with("_at"), "{what}: {key}"),
                    Field::Decimal(_) => assert_eq!(key, "cost_usd", "{what}"),
                    other => panic!("{what}: {key} is {other:?}"),
                }
            }
        }
    }
}

#[cfg(not(feature = "parquet"))]
#[tokio::test]
async fn without_parquet_it_is_said_how_to_get_it() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("requests.parquet");
    for words in [
        format!("export requests {}", file.display()),
        "export requests --format parquet".to_owned(),
        format!("infra logs export {}", file.display()),
    ] {
        let refused = asked.run(&words).await;
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{words}");
        assert_eq!(
            refused.err,
            "error: this systemprompt was built without Parquet: build it with `cargo build --release -p systemprompt --features parquet`, or write .csv or .jsonl\n"
        );
        assert!(!file.exists());
    }
}
