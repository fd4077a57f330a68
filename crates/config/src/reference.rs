//! Every setting on one Markdown page, `docs/configuration.md`, read off the schema.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The page.
#[must_use]
pub fn reference() -> String {
    let schema = crate::schema();
    let mut page = String::from(
        "# Configuration\n\n\
         Every setting of a profile, with its default. No profile is needed. Later layers override \
         earlier ones, key by key: defaults, `services/`, the profile (`--profile FILE` or a name below \
         `profiles/`), the environment (`SYSTEMPROMPT_STORAGE`, `DATABASE_URL`), options, `--set \
         KEY.PATH=VALUE`. `${NAME}` in a profile stands for a variable of the environment. `systemprompt \
         config check` names file, line and key of every mistake, `systemprompt config show` tells what it \
         all comes to; editors know the keys from [profile.schema.json](profile.schema.json). Durations are \
         `500ms`, `30s`, `5m`, `2h` or `1d`, sizes `64KiB`, `16MiB` or `1GiB`. This page is made from the \
         program by its tests.\n",
    );
    let properties = members(&schema, "properties");
    for (name, section) in &properties {
        describe(&schema, name, section, &mut page);
    }
    page
}

/// A section: what it is, its keys, then the sections in it.
fn describe(schema: &Value, path: &str, section: &Value, page: &mut String) {
    let of = resolve(schema, section);
    let about = section.get("description").or_else(|| of.get("description"));
    write(page, format_args!("\n## `{path}`\n\n{}\n", prose(about)));
    // A map names its entries as it likes.
    if let Some(entry) = of.get("additionalProperties").filter(|one| one.is_object()) {
        describe(schema, &format!("{path}.NAME"), entry, page);
        return;
    }
    let needed: Vec<&str> = of
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut below = Vec::new();
    let mut rows = String::new();
    for (key, property) in members(of, "properties") {
        if let Some((suffix, inner)) = section_in(schema, &property) {
            below.push((format!("{path}.{key}{suffix}"), inner));
            continue;
        }
        let default = match property.get("default") {
            None if needed.contains(&key.as_str()) => "needed".to_owned(),
            None | Some(Value::Null) => "–".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
        };
        let kind = kind(schema, &property);
        let about = property.get("description");
        let about = about.or_else(|| resolve(schema, &property).get("description"));
        let about = prose(about).replace('|', "\\|");
        write(
            &mut rows,
            format_args!("| `{key}` | {kind} | {default} | {about} |\n"),
        );
    }
    if !rows.is_empty() {
        page.push_str("\n| key | value | default | |\n|---|---|---|---|\n");
        page.push_str(&rows);
    }
    for (path, inner) in below {
        describe(schema, &path, &inner, page);
    }
}

fn write(to: &mut String, text: std::fmt::Arguments<'_>) {
    to.write_fmt(text).expect("a String takes all");
}

/// What a reference points to, or the schema itself.
fn resolve<'a>(schema: &'a Value, of: &'a Value) -> &'a Value {
    of.get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| schema.pointer(path.strip_prefix('#')?))
        .unwrap_or(of)
}

fn members(of: &Value, name: &str) -> Map<String, Value> {
    let found = of.get(name).and_then(Value::as_object);
    found.cloned().unwrap_or_default()
}

/// The section that a property is, and how its path goes on; `None` for a value.
fn section_in(schema: &Value, property: &Value) -> Option<(&'static str, Value)> {
    let has_keys = |of: &Value| {
        let of = resolve(schema, of);
        let maps = of.get("additionalProperties").is_some_and(Value::is_object);
        maps || of
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|keys| !keys.is_empty())
    };
    if has_keys(property) {
        return Some(("", property.clone()));
    }
    if let Some(items) = property.get("items").filter(|items| has_keys(items)) {
        let mut items = items.clone();
        if let (Some(items), Some(about)) = (items.as_object_mut(), property.get("description")) {
            items.insert("description".to_owned(), about.clone());
        }
        return Some(("[]", items));
    }
    // What may be left out is told like what may not.
    let mut choices = property.get("anyOf")?.as_array()?.iter();
    let nullable = choices.clone().any(|one| one["type"] == "null");
    let only = choices.find(|one| has_keys(one)).filter(|_| nullable)?;
    let mut only = only.clone();
    if let (Some(only), Some(about)) = (only.as_object_mut(), property.get("description")) {
        only.insert("description".to_owned(), about.clone());
    }
    Some(("", only))
}

/// What a value may be, in a few words.
fn kind(schema: &Value, property: &Value) -> String {
    let of = resolve(schema, property);
    let quoted = |values: Vec<&Value>| {
        let text = |value: &Value| match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        values.into_iter().map(text).collect::<Vec<_>>().join(", ")
    };
    if let Some(values) = of.get("enum").and_then(Value::as_array) {
        return quoted(values.iter().collect());
    }
    if let Some(value) = of.get("const") {
        return quoted(vec![value]);
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(choices) = of.get(name).and_then(Value::as_array) {
            let kinds = choices.iter().filter(|one| one["type"] != "null");
            let kinds: Vec<String> = kinds.map(|one| kind(schema, one)).collect();
            return kinds.join(", ");
        }
    }
    let keys = members(of, "properties");
    if !keys.is_empty() {
        let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
        return format!("`{{{}: …}}`", keys.join(", "));
    }
    let types: Vec<&str> = match of.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let pattern = of
        .get("pattern")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if pattern.contains("ms|s") {
        return "duration".to_owned();
    }
    if pattern.contains("KiB") {
        return "size".to_owned();
    }
    let types = types.into_iter().filter(|kind| *kind != "null");
    let named = types.map(|kind| match kind {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => match of.get("items") {
            Some(items) => format!("list of {}", self::kind(schema, items)),
            None => "list".to_owned(),
        },
        other => other.to_owned(),
    });
    let named: Vec<String> = named.collect();
    // An amount may be written as text, to the digit.
    if named == ["number", "text"] {
        return "number".to_owned();
    }
    named.join(", ")
}

/// A description on one line.
fn prose(of: Option<&Value>) -> String {
    let text = of.and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
