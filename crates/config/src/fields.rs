//! How single settings are written: durations, sizes, amounts, dates, lists
//! that may be one value. Each has its text form, its schema and one sentence
//! that says what was expected.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::{Serializer, de};

/// Reads a text and turns it into a value, or says what it should have been.
pub(crate) fn text_as<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);

    impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            let expected = self.0;
            (self.1)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &expected))
        }
    }

    deserializer.deserialize_any(Text(expected, parse))
}

/// Splits `15 MiB` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

/// Durations: `600s`, `5m`, `250ms`, `1h`, `2d`; a plain number is seconds.
pub(crate) mod duration {
    use super::*;

    fn parse(text: &str) -> Option<Duration> {
        let (n, unit) = number_and_unit(text)?;
        let seconds = match unit {
            "ms" => return Some(Duration::from_millis(n)),
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        n.checked_mul(seconds).map(Duration::from_secs)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        text_as(d, "a duration such as 250ms, 30s, 5m, 1h or 2d", parse)
    }

    // serde passes a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
        if value.subsec_nanos() == 0 {
            s.collect_str(&format_args!("{}s", value.as_secs()))
        } else {
            s.collect_str(&format_args!("{}ms", value.as_millis()))
        }
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^[0-9]+ ?(ms|s|m|h|d)?$" })
    }
}

/// Sizes in bytes: `32MiB`, `16KiB`, `1GiB`; a plain number is bytes.
pub(crate) mod bytes {
    use super::*;

    const UNITS: [(&str, u64); 4] = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
    ];

    fn parse(text: &str) -> Option<u64> {
        let (n, unit) = number_and_unit(text)?;
        if unit.is_empty() {
            return Some(n);
        }
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        n.checked_mul(*size)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        text_as(
            d,
            "a size such as 16KiB, 32MiB or 1GiB, or a number of bytes",
            parse,
        )
    }

    // serde passes a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn serialize<S: Serializer>(value: &u64, s: S) -> Result<S::Ok, S::Error> {
        match UNITS
            .iter()
            .find(|(_, size)| *value > 0 && value.is_multiple_of(*size))
        {
            Some((unit, size)) => s.collect_str(&format_args!("{}{unit}", value / size)),
            None => s.serialize_u64(*value),
        }
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^[0-9]+ ?(KiB|MiB|GiB|TiB)?$" })
    }
}

/// Amounts, read from their digits so that they are exact.
pub(crate) mod decimal {
    use rust_decimal::Decimal;
    use rust_decimal::prelude::ToPrimitive;

    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
        text_as(d, "a number such as 100 or 0.025", |text| {
            // `from_str` rounds what is too long; an amount must not change.
            Decimal::from_str_exact(text)
                .or_else(|_| Decimal::from_scientific(text))
                .ok()
        })
    }

    // serde passes a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn serialize<S: Serializer>(value: &Decimal, s: S) -> Result<S::Ok, S::Error> {
        // A number where that loses nothing, which is nearly always; else text.
        let plain = value.normalize();
        match plain.to_f64() {
            Some(float) if float.to_string() == plain.to_string() => s.serialize_f64(float),
            _ => s.collect_str(&plain),
        }
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }

    /// The same for a setting that may be absent.
    pub(crate) mod option {
        use super::*;

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            d: D,
        ) -> Result<Option<Decimal>, D::Error> {
            super::deserialize(d).map(Some)
        }

        #[allow(clippy::ref_option)] // serde passes a reference
        pub(crate) fn serialize<S: Serializer>(
            value: &Option<Decimal>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, s),
                None => s.serialize_none(),
            }
        }
    }
}

/// Days: `2026-11-23`.
pub(crate) mod date {
    use time::Date;
    use time::format_description::BorrowedFormatItem;
    use time::macros::format_description;

    use super::*;

    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Date, D::Error> {
        text_as(d, "a day such as 2026-11-23", |text| {
            Date::parse(text, FORMAT).ok()
        })
    }

    // serde passes a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(crate) fn serialize<S: Serializer>(value: &Date, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value) // `Display` is the same format
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

/// A list that may be written as its only value: `action: email`.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one value or a list")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
            T::deserialize(de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut many = Vec::new();
            while let Some(item) = items.next_element()? {
                many.push(item);
            }
            Ok(many)
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}

/// The schema of [`one_or_many`].
pub(crate) fn one_or_many_schema<T: schemars::JsonSchema>(
    generator: &mut SchemaGenerator,
) -> Schema {
    let one = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}
