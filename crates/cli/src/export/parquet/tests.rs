//! Files are read back by the library's reader, and compared with the rows they were
//! made of.

use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const COLUMNS: [(&str, Unit); 6] = [
    ("id", Unit::Id),
    ("created_at", Unit::Time),
    ("streamed", Unit::Flag),
    ("input", Unit::Count),
    ("cost_usd", Unit::Usd),
    ("detail", Unit::Nested),
];

fn columns() -> Vec<Column> {
    let column = |(key, unit): (&str, Unit)| Column {
        key: key.to_owned(),
        unit,
    };
    COLUMNS.map(column).to_vec()
}

/// Writes them in pieces of so many rows.
fn written(rows: &[Value], piece: usize) -> SerializedFileReader<Bytes> {
    let (columns, mut out) = (columns(), Vec::new());
    let mut table = Table::begin(&columns, &mut out).expect("memory takes all");
    for rows in rows.chunks(piece) {
        table.rows(rows).expect("rows that fit");
    }
    table.finish().expect("memory takes all");
    SerializedFileReader::new(Bytes::from(out)).expect("a file of Parquet")
}

/// The rows of a file as those they were made of.
fn read(file: &SerializedFileReader<Bytes>) -> Vec<Value> {
    let rows = file.get_row_iter(None).expect("rows");
    let row = |row: Result<parquet::record::Row, ParquetError>| {
        let row = row.expect("a row");
        let cells = row.get_column_iter().map(|(key, field)| {
            let value = match field {
                Field::Null => Value::Null,
                Field::Bool(flag) => json!(flag),
                Field::Long(number) => json!(number),
                Field::Str(text) => json!(text),
                Field::TimestampMicros(micros) => {
                    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(*micros) * 1_000);
                    json!(at.expect("a moment").format(&Rfc3339).expect("a year"))
                }
                Field::Decimal(amount) => {
                    let digits = amount.data().try_into().expect("eight bytes");
                    let scale = u32::try_from(amount.scale()).expect("no less than none");
                    let amount = Decimal::new(i64::from_be_bytes(digits), scale);
                    json!(amount.normalize().to_string())
                }
                other => panic!("{key} is {other:?}"),
            };
            (key.clone(), value)
        });
        Value::Object(cells.collect())
    };
    rows.map(row).collect()
}

fn row(n: i64) -> Value {
    json!({
        "id": format!("id-{n}"), "created_at": "2026-11-25T10:07:30.125Z", "streamed": n % 2 == 0,
        "input": n, "cost_usd": "0.000000001", "detail": null,
    })
}

#[test]
fn each_column_has_the_type_of_what_it_holds() {
    let file = written(&[], 1);
    let schema = file.metadata().file_metadata().schema_descr();
    let types: Vec<_> = schema
        .columns()
        .iter()
        .map(|column| {
            (
                column.name(),
                column.physical_type(),
                column.logical_type_ref(),
            )
        })
        .collect();
    let timestamp = LogicalType::timestamp(true, TimeUnit::MICROS);
    let decimal = LogicalType::decimal(9, 18);
    assert_eq!(
        types,
        [
            ("id", Physical::BYTE_ARRAY, Some(&LogicalType::String)),
            ("created_at", Physical::INT64, Some(&timestamp)),
            ("streamed", Physical::BOOLEAN, None),
            ("input", Physical::INT64, None),
            ("cost_usd", Physical::INT64, Some(&decimal)),
            ("detail", Physical::BYTE_ARRAY, Some(&LogicalType::String)),
        ]
    );
    // Older readers know these alone.
    assert_eq!(
        schema.column(1).converted_type(),
        ConvertedType::TIMESTAMP_MICROS
    );
    assert_eq!(schema.column(4).converted_type(), ConvertedType::DECIMAL);
    assert_eq!(file.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn nothing_is_not_zero() {
    let nothing = json!({
        "id": null, "created_at": null, "streamed": null, "input": null, "cost_usd": null, "detail": null,
    });
    let zero = json!({
        "id": "", "created_at": "1969-12-31T23:59:59.999999Z", "streamed": false, "input": 0, "cost_usd": "0",
        "detail": "{}",
    });
    let rows = [nothing.clone(), zero, nothing, row(-7)];
    assert_eq!(read(&written(&rows, 3)), rows);
}

#[test]
fn what_does_not_fit_is_no_file() {
    let refused = |key: &str, value: Value| {
        let (columns, mut out) = (columns(), Vec::new());
        let mut table = Table::begin(&columns, &mut out).expect("memory takes all");
        table
            .rows(&[json!({ key: value })])
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(refused("cost_usd", json!("999999999.999999999")), None);
    assert_eq!(refused("cost_usd", json!("-999999999.999999999")), None);
    assert_eq!(
        refused("cost_usd", json!("1000000000")).as_deref(),
        Some("Parquet's column cost_usd cannot hold \"1000000000\"")
    );
    for (key, value) in [
        ("cost_usd", json!("0.0000000001")),
        ("cost_usd", json!(0.5)),
        ("input", json!(1.5)),
        ("input", json!("1")),
        ("input", json!(u64::MAX)),
        ("streamed", json!("true")),
        ("created_at", json!("yesterday")),
    ] {
        assert!(refused(key, value.clone()).is_some(), "{key}: {value}");
    }
}

#[test]
fn memory_is_bounded_by_rows_and_by_text() {
    let rows: Vec<Value> = (0..).map(row).take(ROWS + 5).collect();
    let file = written(&rows, 2_000);
    let groups: Vec<i64> = file
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect();
    assert_eq!(groups, [ROWS as i64, 5]);
    assert_eq!(read(&file), rows);

    let mut long = row(1);
    long["detail"] = json!("x".repeat(TEXT / 4));
    let file = written(&vec![long; 9], 9);
    let groups: Vec<i64> = file
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect();
    assert_eq!(groups, [4, 4, 1]);
}

proptest! {
    #[test]
    fn rows_come_back_as_they_went(
        cells in prop::collection::vec(
            (
                prop::option::of(any::<String>()),
                prop::option::of(0_i64..4_000_000_000_000_000),
                prop::option::of(any::<bool>()),
                prop::option::of(any::<i64>()),
                prop::option::of(-LARGEST..=LARGEST),
            ),
            0..60,
        ),
        piece in 1_usize..10,
    ) {
        let rows: Vec<Value> = cells
            .into_iter()
            .map(|(text, at, flag, number, amount)| {
                let at = at.map(|at| {
                    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000);
                    at.expect("a moment").format(&Rfc3339).expect("a year")
                });
                let amount = amount.map(|nanos| Decimal::new(nanos, 9).normalize().to_string());
                json!({
                    "id": text, "created_at": at, "streamed": flag, "input": number, "cost_usd": amount,
                    "detail": text,
                })
            })
            .collect();
        prop_assert_eq!(read(&written(&rows, piece)), rows);
    }
}
