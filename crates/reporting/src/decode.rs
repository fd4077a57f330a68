//! Query strings into parameters, guided by the question's schema. No generic
//! decoder reads both repeated keys and numbers in flattened structs.

use schemars::Schema;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Reads a raw query string (`model=a&model=b&limit=5`) as the parameters that
/// `schema` describes: lists collect repeated keys, numbers and booleans parse,
/// everything else is text.
///
/// # Errors
/// [`Error::Usage`] for an unknown parameter, naming the nearest known one; for
/// a repeated one that is no list; for a value that is not of its type.
pub(crate) fn decode(schema: &Schema, query: &str) -> Result<Value> {
    let mut params = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let property = property(schema, &name)?;
        if is(property, "array") {
            let list = params
                .entry(&*name)
                .or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()
                .expect("made above")
                .push(Value::String(text.into_owned()));
        } else if params
            .insert(name.to_string(), scalar(property, &name, &text)?)
            .is_some()
        {
            return Err(Error::Usage(format!("{name} is given twice")));
        }
    }
    Ok(Value::Object(params))
}

/// Refuses parameters that the question does not have (serde cannot: it does
/// not combine with flattened structs), and text that PostgreSQL has no place for.
pub(crate) fn check(schema: &Schema, params: &Value) -> Result<()> {
    let Value::Object(params) = params else {
        return Err(Error::Usage("parameters are an object".to_owned()));
    };
    params.iter().try_for_each(|(name, value)| {
        property(schema, name)?;
        match holds_nul(value) {
            true => Err(Error::Usage(format!("{name} must not hold NUL"))),
            false => Ok(()),
        }
    })
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        _ => false,
    }
}

fn property<'a>(schema: &'a Schema, name: &str) -> Result<&'a Value> {
    let known = schema.get("properties").and_then(Value::as_object);
    if let Some(property) = known.and_then(|known| known.get(name)) {
        return Ok(property);
    }
    let nearest = known
        .into_iter()
        .flat_map(Map::keys)
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    Err(Error::Usage(match nearest {
        Some(nearest) => format!("unknown parameter {name}; did you mean {nearest}?"),
        None => format!("unknown parameter {name}; there are none"),
    }))
}

fn scalar(property: &Value, name: &str, text: &str) -> Result<Value> {
    let refuse = |kind| Error::Usage(format!("{name} is {kind}, not \"{text}\""));
    if is(property, "integer") {
        text.parse::<i64>()
            .map(Value::from)
            .map_err(|_| refuse("a whole number"))
    } else if is(property, "boolean") {
        text.parse::<bool>()
            .map(Value::from)
            .map_err(|_| refuse("true or false"))
    } else {
        Ok(Value::String(text.to_owned()))
    }
}

/// Whether a property is of a type, alone or besides null.
fn is(property: &Value, kind: &str) -> bool {
    match property.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}
