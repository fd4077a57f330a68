//! Attributes, looked up by whichever of several names is there.

use systemprompt_domain::text::bounded;

use crate::wire::{AnyValue, KeyValue, Value};

/// The attributes of a record or of its resource.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [KeyValue]);

impl<'a> Attributes<'a> {
    /// The value of the first of these names that has one.
    pub(crate) fn get(self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| {
            let found = self.0.iter().find(|one| one.key == name.as_bytes())?;
            found.value.as_ref()?.value.as_ref()
        })
    }

    /// A name: short, without control characters, not empty. Numbers are written
    /// out; of a list the first.
    pub(crate) fn text(self, names: &[&str]) -> Option<String> {
        text(self.get(names)?)
    }

    /// A count. Some emitters write numbers as text.
    pub(crate) fn count(self, names: &[&str]) -> Option<u64> {
        match self.get(names)? {
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Double(n) => whole(*n),
            Value::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
            Value::Bool(_) | Value::List(_) => None,
        }
    }

    /// A number that need not be whole, not negative.
    pub(crate) fn number(self, names: &[&str]) -> Option<f64> {
        let number = match self.get(names)? {
            #[expect(clippy::cast_precision_loss, reason = "it is a measured time")]
            Value::Int(n) => *n as f64,
            Value::Double(n) => *n,
            Value::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok()?,
            Value::Bool(_) | Value::List(_) => return None,
        };
        (number.is_finite() && number >= 0.0).then_some(number)
    }

    /// Yes or no.
    pub(crate) fn flag(self, names: &[&str]) -> Option<bool> {
        match self.get(names)? {
            Value::Bool(flag) => Some(*flag),
            Value::Text(text) if **text == *b"true" => Some(true),
            Value::Text(text) if **text == *b"false" => Some(false),
            _ => None,
        }
    }

    /// Whether one of these names is there.
    pub(crate) fn has(self, names: &[&str]) -> bool {
        self.get(names).is_some()
    }
}

/// The text of a value, see [`Attributes::text`].
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) => bounded(&String::from_utf8_lossy(text)),
        Value::Int(n) => n.to_string(),
        Value::Double(n) => n.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::List(list) => {
            let first = list.values.first().map(|AnyValue { value }| value.as_ref());
            match first.flatten()? {
                // Lists of lists name nothing.
                Value::List(_) => return None,
                first => text(first)?,
            }
        }
    };
    (!text.is_empty()).then_some(text)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn whole(n: f64) -> Option<u64> {
    (0.0..9e15).contains(&n).then_some(n as u64)
}
