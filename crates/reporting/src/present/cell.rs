//! Values as cells of text, a column at a time: what stands together is
//! written with the same precision.

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use systemprompt_domain::period::Zone;

use super::column::{Column, Unit, label};
use super::figure::{self, Precision};
use super::locale::Locale;
use super::text;
use crate::present::sparkline::sparkline;

/// What stands for a value that is not there.
pub const NOTHING: &str = "–";

/// What stands for a name that is empty: there was none.
const UNNAMED: &str = "(none)";

/// Hex digits of an id that are shown where room is short. Ids begin with
/// their time; 13 digits tell the moment to the millisecond, and one more.
const ID_DIGITS: usize = 13;

/// How much room ids get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// All of it.
    Whole,
    /// A beginning that can be asked for.
    Short,
}

/// A row of an answer.
pub type Row = Map<String, Value>;

/// Writes a value of a row; `None` if it is not of its column's kind.
type Write<'a> = dyn Fn(&Row, &Value) -> Option<String> + 'a;

/// The column's value in a row.
pub fn value<'a>(column: &Column, row: &'a Row) -> &'a Value {
    row.get(&column.key).unwrap_or(&Value::Null)
}

/// A column as text, safe for a terminal: one cell for each row.
pub fn cells(column: &Column, rows: &[&Row], locale: &Locale, ids: Ids) -> Vec<String> {
    let zone = &locale.zone;
    let values = || rows.iter().map(|row| value(column, row));
    let write: Box<Write<'_>> = match column.unit {
        unit @ (Unit::Usd | Unit::Money) => {
            let places = figure::decimals(values().filter_map(decimal));
            Box::new(move |_, value| Some(amount(unit, decimal(value)?, places, locale)))
        }
        Unit::Time => {
            let parse = |row: &Row, value: &Value| {
                let zone = zone_of(row).unwrap_or_else(|| zone.clone());
                figure::parse_moment(value.as_str()?, &zone)
            };
            let moments = rows.iter().filter_map(|row| parse(row, value(column, row)));
            let precision = moments
                .map(Precision::of)
                .max()
                .unwrap_or(Precision::Second);
            Box::new(move |row, value| Some(figure::moment(parse(row, value)?, precision)))
        }
        Unit::Nested if column.key == "deliveries" => Box::new(|_, value| deliveries(value)),
        Unit::Varies => Box::new(|row, value| {
            let unit = row
                .get("unit")
                .and_then(Value::as_str)
                .and_then(Unit::named)?;
            single(unit, value, locale)
        }),
        Unit::Ratio if column.is_change() => {
            Box::new(|_, value| value.as_f64().map(figure::change))
        }
        Unit::Id if ids == Ids::Short => Box::new(|_, value| Some(beginning(&id(value)?))),
        Unit::Text if column.key == "metric" => {
            Box::new(|_, value| Some(name(&label(value.as_str()?))))
        }
        unit => Box::new(move |_, value| single(unit, value, locale)),
    };
    rows.iter()
        .map(|row| match value(column, row) {
            Value::Null => NOTHING.to_owned(),
            // What is not of its column's kind is shown as it is.
            value => write(row, value).unwrap_or_else(|| nested(value)),
        })
        .collect()
}

/// The zone of a row that has one of its own, as a budget has.
fn zone_of(row: &Row) -> Option<Zone> {
    row.get("timezone")?.as_str()?.parse().ok()
}

/// What became of each message: `email sent, slack waiting (HTTP 503)`.
fn deliveries(value: &Value) -> Option<String> {
    let told = value.as_array()?.iter().map(|delivery| {
        let part = |key| delivery.get(key).and_then(Value::as_str);
        let (channel, state) = (part("channel")?, part("state")?);
        Some(match part("last_error") {
            Some(error) if state != "sent" => format!("{channel} {state} ({error})"),
            _ => format!("{channel} {state}"),
        })
    });
    let told = told.collect::<Option<Vec<_>>>()?;
    Some(if told.is_empty() {
        NOTHING.to_owned()
    } else {
        text::clean(&told.join(", ")).into_owned()
    })
}

/// An id as it can be asked for: text, or a number in a sequence.
pub fn id(value: &Value) -> Option<String> {
    let number = || value.as_i64().map(|number| number.to_string());
    value.as_str().map(str::to_owned).or_else(number)
}

/// A value whose neighbours do not matter; `None` if it is not of that unit.
fn single(unit: Unit, value: &Value, locale: &Locale) -> Option<String> {
    match unit {
        Unit::Usd | Unit::Money => {
            let decimal = decimal(value)?;
            Some(amount(unit, decimal, figure::decimals([decimal]), locale))
        }
        Unit::Count => count(value),
        Unit::Ms => value.as_f64().map(figure::millis),
        Unit::Duration => value.as_f64().map(figure::duration),
        Unit::Seconds => value.as_f64().map(figure::seconds),
        Unit::Ratio => value.as_f64().map(figure::share),
        Unit::Percent => value.as_f64().map(|percent| figure::share(percent / 100.0)),
        Unit::Number => Some(value.as_number()?.to_string()),
        Unit::Flag => value
            .as_bool()
            .map(|yes| if yes { "yes" } else { "no" }.to_owned()),
        Unit::Id => id(value).map(|id| name(&id)),
        Unit::Text => value.as_str().map(name),
        Unit::Series => series(value),
        Unit::Time | Unit::Varies | Unit::Nested => None,
    }
}

/// An amount of dollars, or in the answer's currency.
fn amount(unit: Unit, amount: Decimal, decimals: u32, locale: &Locale) -> String {
    match unit {
        Unit::Money => locale.money(amount, decimals),
        _ => figure::money(amount, locale.decimals(amount, decimals)),
    }
}

/// A number of things, or the mean of such numbers.
fn count(value: &Value) -> Option<String> {
    let number = value.as_number()?;
    match number.as_f64() {
        Some(mean) if number.is_f64() => Some(figure::float(mean, 1)),
        _ => Some(figure::grouped(&number.to_string())),
    }
}

/// Numbers as a line, with the highest of them.
fn series(value: &Value) -> Option<String> {
    let numbers = value.as_array()?;
    let figures: Vec<Option<f64>> = numbers.iter().map(Value::as_f64).collect();
    let known = numbers.iter().zip(&figures);
    let (highest, _) = known
        .filter_map(|(number, figure)| Some((number, (*figure)?)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let line = sparkline(&figures, figures.len());
    Some(format!("{line}  up to {}", count(highest)?))
}

/// An amount: answers carry it as text, so that no digit is lost.
pub fn decimal(value: &Value) -> Option<Decimal> {
    value.as_str()?.parse().ok()
}

/// Whether text is a number and nothing else.
pub fn is_number(text: &str) -> bool {
    text.parse::<Decimal>().is_ok()
}

fn name(text: &str) -> String {
    if text.is_empty() {
        UNNAMED.to_owned()
    } else {
        text::clean(text).into_owned()
    }
}

/// The beginning of an id. Without a mark for the cut, so that what is copied
/// from the screen can be asked for.
fn beginning(id: &str) -> String {
    let mut digits = 0;
    let hex = id.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    let end = id.char_indices().find(|(_, c)| {
        digits += usize::from(*c != '-');
        digits > ID_DIGITS
    });
    match end {
        Some((end, _)) if hex => id[..end].to_owned(),
        _ => name(id),
    }
}

/// A list or an object on one line.
fn nested(value: &Value) -> String {
    match value {
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(nested).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => NOTHING.to_owned(),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| format!("{} {}", text::clean(key), nested(value));
            members.iter().map(member).collect::<Vec<_>>().join(" · ")
        }
        Value::String(text) => name(text),
        Value::Number(number) if number.is_u64() => figure::grouped(&number.to_string()),
        Value::Null => NOTHING.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(key: &str, unit: Unit, values: &[Value]) -> Vec<String> {
        let column = Column {
            key: key.to_owned(),
            unit,
        };
        let rows: Vec<Row> = values
            .iter()
            .map(|value| Row::from_iter([(key.to_owned(), value.clone())]))
            .collect();
        cells(
            &column,
            &rows.iter().collect::<Vec<_>>(),
            &Locale::default(),
            Ids::Short,
        )
    }

    #[test]
    fn each_unit_in_its_own_way() {
        assert_eq!(
            written("n", Unit::Count, &[json!(1_234_567), json!(null)]),
            ["1,234,567", "–"]
        );
        assert_eq!(
            written("cost", Unit::Usd, &[json!("0.5"), json!("1.25")]),
            ["$0.50", "$1.25"]
        );
        assert_eq!(written("change", Unit::Ratio, &[json!(0.25)]), ["▲ 25.0 %"]);
        assert_eq!(written("share", Unit::Ratio, &[json!(0.25)]), ["25.0 %"]);
        assert_eq!(written("http_status", Unit::Number, &[json!(200)]), ["200"]);
        assert_eq!(
            written("average_requests", Unit::Count, &[json!(12345.6)]),
            ["12,345.6"]
        );
        assert_eq!(
            written("average_duration_ms", Unit::Duration, &[json!(90_000)]),
            ["1 min 30 s"]
        );
        assert_eq!(
            written(
                "requests_by_hour",
                Unit::Series,
                &[json!([0, 1, 2000]), json!([])]
            ),
            ["▁▂█  up to 2,000", "–"]
        );
        assert_eq!(
            written(
                "engaged_seconds",
                Unit::Seconds,
                &[json!(34.2), json!(90), json!(0)]
            ),
            ["34.2 s", "1 min 30 s", "0 s"]
        );
        assert_eq!(
            written("avg_scroll", Unit::Percent, &[json!(64)]),
            ["64.0 %"]
        );
        assert_eq!(written("streamed", Unit::Flag, &[json!(true)]), ["yes"]);
        assert_eq!(
            written("name", Unit::Text, &[json!(""), json!("a\u{1b}b")]),
            ["(none)", "a\\u{1b}b"]
        );
        assert_eq!(
            written("tools", Unit::Nested, &[json!(["a", "b"]), json!([])]),
            ["a, b", "–"]
        );
        assert_eq!(
            written(
                "tokens",
                Unit::Nested,
                &[json!({"input": 1200, "output": 3})]
            ),
            ["input 1,200 · output 3"]
        );
        let times = [json!("2026-11-23T00:00:00Z"), json!("2026-11-23T01:00:00Z")];
        assert_eq!(
            written("bucket", Unit::Time, &times),
            ["2026-11-23 00:00", "2026-11-23 01:00"]
        );
        assert_eq!(written("bucket", Unit::Time, &times[..1]), ["2026-11-23"]);
    }

    #[test]
    fn a_row_may_name_the_unit_itself() {
        let column = Column {
            key: "value".to_owned(),
            unit: Unit::Varies,
        };
        let written = |value: Value, unit: &str| {
            let row = Row::from_iter([
                ("value".to_owned(), value),
                ("unit".to_owned(), json!(unit)),
            ]);
            cells(&column, &[&row], &Locale::default(), Ids::Short).concat()
        };
        assert_eq!(written(json!("1.5"), "usd"), "$1.50");
        assert_eq!(written(json!(0.5), "ratio"), "50.0 %");
        assert_eq!(written(json!(1500), "tokens"), "1,500");
        assert_eq!(written(json!(1500), "furlongs"), "1,500");
        assert_eq!(written(Value::Null, "ms"), "–");
    }

    #[test]
    fn ids_keep_a_beginning_that_can_be_asked_for() {
        let ids = [
            json!("019ab3c1-d2e4-7abc-8def-0123456789ab"),
            json!("0123456789abcdef0123456789abcdef"),
        ];
        assert_eq!(
            written("id", Unit::Id, &ids),
            ["019ab3c1-d2e4-7", "0123456789abc"]
        );
        assert_eq!(
            written("id", Unit::Id, &[json!("session-of-ada")]),
            ["session-of-ada"]
        );
        assert_eq!(written("id", Unit::Id, &[json!("abc")]), ["abc"]);
    }

    #[test]
    fn what_is_not_of_its_kind_is_still_shown_safely() {
        assert_eq!(
            written("cost", Unit::Usd, &[json!("\u{1b}]0;x")]),
            ["\\u{1b}]0;x"]
        );
        assert_eq!(written("n", Unit::Count, &[json!("many")]), ["many"]);
        assert_eq!(written("at", Unit::Time, &[json!("never")]), ["never"]);
    }
}
