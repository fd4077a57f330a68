//! The API explained on one page, made from the registry: readable without
//! scripts, and without anything from elsewhere.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde_json::Value;
use systemprompt_reporting::{Entry, QUERIES};

use super::events;
use super::openapi::{document, path};
use crate::html::Escaped;

/// Nothing but our own style sheet.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The registry does not change while the program runs.
static OPENAPI: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));
static PAGE: LazyLock<String> = LazyLock::new(render);

/// `GET /api/v1/openapi.json`
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI.as_str())
}

/// `GET /api/docs`
pub(super) async fn page() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
        ],
        PAGE.as_str(),
    )
}

/// `GET /api/docs.css`
pub(super) async fn style() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("docs.css"),
    )
}

fn render() -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>systemprompt analytics API</title>\n\
         <link rel=\"stylesheet\" href=\"/api/docs.css\">\n</head>\n<body>\n\
         <h1>systemprompt analytics API</h1>\n\
         <p>Every route but the last is a question. The command line gives the same answers. Times are RFC 3339 in \
         UTC, money is text in US dollars, ratios are parts of 1.</p>\n\
         <p>Send a token with the scope <code>read</code> as <code>Authorization: Bearer …</code>; a \
         server on your own machine that has no tokens needs none. Machines read \
         <a href=\"/api/v1/openapi.json\">openapi.json</a>.</p>\n<nav>\n<ul>\n",
    );
    for entry in QUERIES {
        let (id, question) = (entry.path.join("-"), entry.path.join(" "));
        push(
            &mut html,
            format_args!("<li><a href=\"#{id}\">{question}</a></li>\n"),
        );
    }
    html.push_str("<li><a href=\"#events\">report events</a></li>\n</ul>\n</nav>\n<main>\n");
    let mut group = "";
    for entry in QUERIES {
        if entry.group() != group {
            group = entry.group();
            push(&mut html, format_args!("<h2>{}</h2>\n", Escaped(group)));
        }
        question(&mut html, entry);
    }
    html.push_str(events::section());
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn question(html: &mut String, entry: &Entry) {
    let (id, words) = (entry.path.join("-"), entry.path.join(" "));
    push(
        html,
        format_args!("<section id=\"{id}\">\n<h3>{words}</h3>\n"),
    );
    for paragraph in entry.description().split("\n\n") {
        push(html, format_args!("<p>{}</p>\n", Escaped(paragraph)));
    }
    let (query, options) = example(entry);
    let curl = format!(
        "curl -H \"Authorization: Bearer $SYSTEMPROMPT_TOKEN\" \\\n  \"http://127.0.0.1:8080{}{query}\"",
        path(entry)
    );
    push(
        html,
        format_args!("<pre><code>{}</code></pre>\n", Escaped(&curl)),
    );
    let cli = format!("systemprompt analytics {words}{options}");
    push(
        html,
        format_args!("<pre><code>{}</code></pre>\n", Escaped(&cli)),
    );
    parameters(html, &entry.params().to_value());
    columns(html, &entry.row().to_value());
    html.push_str("</section>\n");
}

/// Parameters that show how the question is asked, as a query string and as
/// options: what is needed, and what is asked for most.
fn example(entry: &Entry) -> (String, String) {
    let params = entry.params();
    let (mut query, mut options) = (Vec::new(), String::new());
    let needed = params.pointer("/required/0").and_then(Value::as_str);
    if let Some(name) = needed {
        let value = match (entry.group(), name) {
            ("agents", "name") => "scout",
            (_, "name") => "search",
            (_, "content") => "/guide",
            _ => "01935e8d-7c2a",
        };
        query.push(format!("{name}={value}"));
        options += &format!(" {value}");
    }
    let by = params.pointer("/properties/by").map(choices);
    let by = by.and_then(|all| {
        all.iter()
            .find(|by| **by == "agent")
            .or(all.first())
            .copied()
    });
    let since = params.pointer("/properties/since").map(|_| "7d");
    for (name, value) in [("since", since), ("by", by)] {
        if let Some(value) = value {
            query.push(format!("{name}={value}"));
            options += &format!(" --{name} {value}");
        }
    }
    let mark = if query.is_empty() { "" } else { "?" };
    (format!("{mark}{}", query.join("&")), options)
}

fn parameters(html: &mut String, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    html.push_str("<div class=\"wide\">\n<table>\n<tr><th>Parameter</th><th>Meaning</th><th>Values</th></tr>\n");
    for (name, property) in properties {
        let required = schema["required"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == name));
        push(
            html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td class=\"soft\">{}</td></tr>\n",
                Escaped(name),
                Escaped(property["description"].as_str().unwrap_or_default()),
                Escaped(&values(property, required)),
            ),
        );
    }
    html.push_str("</table>\n</div>\n");
}

/// The words that a parameter can be.
fn choices(property: &Value) -> Vec<&str> {
    let choices = property
        .get("enum")
        .or_else(|| property.pointer("/items/enum"));
    let choices = choices.and_then(Value::as_array).into_iter().flatten();
    choices.filter_map(Value::as_str).collect()
}

/// What a parameter can be, in words.
fn values(property: &Value, required: bool) -> String {
    let choices = choices(property);
    let mut words = if choices.is_empty() {
        kind(property).to_owned()
    } else {
        choices.join(", ")
    };
    if property.get("items").is_some() {
        words += "; can be repeated";
    }
    match property.get("default") {
        _ if required => words += "; needed",
        Some(Value::String(default)) => words += &format!("; default {default}"),
        Some(Value::Number(default)) => words += &format!("; default {default}"),
        _ => {}
    }
    words
}

fn kind(property: &Value) -> &str {
    match property["type"]
        .as_str()
        .or_else(|| property["type"][0].as_str())
    {
        Some("integer") => "whole number",
        Some("boolean") => "true or false",
        _ => "text",
    }
}

fn columns(html: &mut String, row: &Value) {
    let Some(properties) = row.get("properties").and_then(Value::as_object) else {
        return;
    };
    html.push_str(
        "<details>\n<summary>Fields of a row</summary>\n<div class=\"wide\">\n<table>\n\
         <tr><th>Field</th><th>Meaning</th><th>Unit</th></tr>\n",
    );
    for (name, property) in properties {
        push(
            html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td class=\"soft\">{}</td></tr>\n",
                Escaped(name),
                Escaped(property["description"].as_str().unwrap_or_default()),
                Escaped(property["x-unit"].as_str().unwrap_or_default()),
            ),
        );
    }
    html.push_str("</table>\n</div>\n</details>\n");
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a String takes all");
}
