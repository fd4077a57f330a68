//! Environment variables inside values: `${NAME}`, `${NAME:-default}`; `$${`
//! stands for `${`. Expansion comes after parsing, so no value can change the
//! shape of a file, and after layering, so an overridden value needs nothing.

use crate::Env;
use crate::error::Problem;
use crate::node::{Node, Value};
use crate::path::KeyPath;

/// Expands every text of a tree and collects the variables that are not set.
pub(crate) fn expand(node: &mut Node, path: &KeyPath, env: Env<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::Map(entries) => {
            for (key, child) in entries {
                expand(child, &path.join(&*key), env, problems);
            }
        }
        Value::List(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                expand(child, &path.join(index), env, problems);
            }
        }
        Value::Scalar {
            text,
            from_outside: false,
        } if text.contains("${") => match expand_text(text, env) {
            // A variable that is set to nothing counts as not configured.
            Ok(expanded) if expanded.text.is_empty() => node.value = Value::Null,
            Ok(Expanded { text, from_outside }) => {
                node.value = Value::Scalar { text, from_outside }
            }
            Err(message) => {
                problems.push(Problem {
                    origin: node.origin.clone(),
                    message: format!("{path} {message}"),
                });
                node.value = Value::Reported;
            }
        },
        Value::Scalar { .. } | Value::Null | Value::Reported => {}
    }
}

struct Expanded {
    text: String,
    from_outside: bool,
}

fn expand_text(text: &str, env: Env<'_>) -> Result<Expanded, String> {
    let mut out = String::with_capacity(text.len());
    let mut from_outside = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (variable, tail) = after.split_once('}').ok_or("has a `${` without its `}`")?;
        let (name, default) = match variable.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (variable, None),
        };
        if !is_variable_name(name) {
            return Err("has a `${…}` that holds no variable's name".to_owned());
        }
        match (env(name), default) {
            (Some(value), None) => {
                out.push_str(&value);
                from_outside = true;
            }
            (Some(value), Some(_)) if !value.is_empty() => {
                out.push_str(&value);
                from_outside = true;
            }
            (_, Some(default)) => out.push_str(default),
            (None, None) => {
                return Err(format!(
                    "needs the environment variable {name}, which is not set"
                ));
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(Expanded {
        text: out,
        from_outside,
    })
}

/// Whether a text can be the name of an environment variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let env = |name: &str| match name {
            "HOST" => Some("db.example".to_owned()),
            "ODD" => Some("${HOST}: #\n- x".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expand_text(text, &env).map(|e| e.text)
    }

    #[test]
    fn variables_defaults_and_escapes() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("${HOST}", "db.example"),
            ("a ${HOST} b ${HOST}", "a db.example b db.example"),
            ("${NONE:-8080}", "8080"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("$${HOST}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
            ("$HOST {x}", "$HOST {x}"),
            ("${ODD}", "${HOST}: #\n- x"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn faults_name_the_variable() {
        for (text, wanted) in [
            (
                "${NONE}",
                "needs the environment variable NONE, which is not set",
            ),
            ("${NONE", "has a `${` without its `}`"),
            ("${}", "has a `${…}` that holds no variable's name"),
            ("${A B}", "has a `${…}` that holds no variable's name"),
        ] {
            assert_eq!(expanded(text), Err(wanted.to_owned()), "{text}");
        }
    }
}
