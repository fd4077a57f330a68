//! serde over the tree of settings: the data format of this crate. It differs
//! from the usual ones in its errors, which keep expected keys and values as
//! data, and in numbers, which stay text until their type is known.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::node::{Node, Origin, Value};
use crate::path::{KeyPath, Segment};

/// Why a value does not fit its setting.
#[derive(Debug)]
pub(crate) enum Fault {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    /// `found` is empty where the value may be a secret.
    Mismatch {
        expected: String,
        found: Option<String>,
    },
    Other(String),
}

/// A fault, with the place added as it travels up.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) fault: Fault,
    pub(crate) origin: Option<Origin>,
    /// Innermost first.
    segments: Vec<Segment>,
}

impl Error {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            origin: None,
            segments: Vec::new(),
        }
    }

    fn mismatch(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Fault::Mismatch {
            expected: expected.into(),
            found: Some(found.into()),
        })
    }

    /// The way to the value from the top.
    pub(crate) fn path(&self) -> KeyPath {
        KeyPath(self.segments.iter().rev().cloned().collect())
    }

    /// Adds one step of the way, and on the first one the place; what came out
    /// of the environment is not quoted.
    fn within(mut self, segment: impl Into<Segment>, node: &Node) -> Self {
        if self.segments.is_empty()
            && let (
                Value::Scalar {
                    from_outside: true, ..
                },
                Fault::Mismatch { found, .. },
            ) = (&node.value, &mut self.fault)
        {
            *found = None;
        }
        self.origin.get_or_insert_with(|| node.origin.clone());
        self.segments.push(segment.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Fault::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_value(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => quoted(text),
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit => "empty".to_owned(),
            other => other.to_string(),
        };
        Self::mismatch(expected.to_string(), found)
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownKey {
            key: key.to_owned(),
            known,
        })
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let expected = match known {
            [] | [_] => known.concat(),
            [a, b] => format!("{a} or {b}"),
            _ => format!("one of {}", known.join(", ")),
        };
        Self::mismatch(expected, quoted(found))
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Fault::MissingKey(key))
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

impl Node {
    /// The error for a value of another kind. Text is not quoted here: what
    /// stands in the wrong place may be anything, a key too.
    fn not(&self, expected: &str) -> Error {
        let found = match &self.value {
            Value::Null | Value::Reported => "empty",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        };
        Error::mismatch(expected, found)
    }

    fn scalar(&self, expected: &str) -> Result<&str, Error> {
        match &self.value {
            Value::Scalar { text, .. } => Ok(text),
            _ => Err(self.not(expected)),
        }
    }

    fn number<T: std::str::FromStr>(&self, expected: &str) -> Result<T, Error> {
        let text = self.scalar(expected)?;
        text.parse()
            .map_err(|_| Error::mismatch(expected, quoted(text)))
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $ty:ty),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let expected = format!("a whole number from {} to {}", <$ty>::MIN, <$ty>::MAX);
            visitor.$visit(self.number::<$ty>(&expected)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    /// Scalars are text here, also those that look like numbers: a decimal read
    /// from its text is exact.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null | Value::Reported => visitor.visit_unit(),
            Value::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.number("true or false")?)
    }

    whole_numbers!(
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64
    );

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.number("a number")?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.scalar("text")?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null => visitor.visit_seq(Items {
                items: &[],
                next: 0,
            }),
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            _ => Err(self.not("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Value::Null => visitor.visit_map(Entries {
                entries: &[],
                next: 0,
            }),
            Value::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            _ => Err(self.not("a mapping of keys to values")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value {
            Value::Scalar { text, .. } => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Map(entries) if entries.len() == 1 => {
                MapAccessDeserializer::new(Entries { entries, next: 0 })
                    .deserialize_enum(name, variants, visitor)
            }
            Value::Map(entries) => Err(Error::mismatch(
                format!("one of the keys {}", variants.join(", ")),
                format!("{} keys", entries.len()),
            )),
            _ => Err(self.not(&variants.join(" or "))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        while let Some(node) = self.items.get(self.next) {
            let index = self.next;
            self.next += 1;
            if !matches!(node.value, Value::Reported) {
                return seed
                    .deserialize(node)
                    .map(Some)
                    .map_err(|e| e.within(index, node));
            }
        }
        Ok(None)
    }
}

struct Entries<'de> {
    entries: &'de [(String, Node)],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        while let Some((key, node)) = self.entries.get(self.next) {
            if matches!(node.value, Value::Reported) {
                self.next += 1;
                continue;
            }
            let key: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
            return seed.deserialize(key).map(Some).map_err(|mut error| {
                error.origin = Some(node.origin.clone());
                error
            });
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, node) = &self.entries[self.next];
        self.next += 1;
        seed.deserialize(node)
            .map_err(|error| error.within(key, node))
    }
}
