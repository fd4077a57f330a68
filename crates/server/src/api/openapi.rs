//! The OpenAPI 3.1 document, read off the registry, and reporting events. OpenAPI
//! takes JSON Schema as it is, so the questions' schemas go in unchanged.

use serde_json::{Map, Value, json};
use systemprompt_reporting::{Entry, QUERIES, default_of};

use super::{events, web};
use crate::otlp;

/// The document as it is served at `/api/v1/openapi.json`.
#[must_use]
pub fn document() -> Value {
    let questions = QUERIES.iter().flat_map(|entry| {
        let asked = (path(entry), json!({ "get": operation(entry) }));
        [asked, file(entry, "csv"), file(entry, "json")]
    });
    let others = [
        (
            events::PATH.to_owned(),
            json!({ "post": events::operation() }),
        ),
        (LIVE.to_owned(), json!({ "get": live() })),
    ];
    let paths: Map<String, Value> = questions
        .chain(others)
        .chain(web::paths())
        .chain(otlp::operations())
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "systemprompt analytics",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What AI requests cost, how they went, and why. Every route below \
                            `/api/v1/analytics` is a question; the command line and this API give the same answers. \
                            With .csv or .json at its end, a question's path is that of a file. Times are RFC 3339 in \
                            UTC, ratios are parts of 1. Money is text, in US dollars unless the answer \
                            names a `currency`. `x-unit` says what a field counts: `money` is in the \
                            answer's currency, `usd` always in dollars.",
        },
        "security": [{ "token": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A systemprompt token with the scope read, or ingest to report \
                                    events and content. A server on this machine that has no tokens needs none.",
                },
            },
            "schemas": { "Error": error_schema() },
            "responses": {
                "BadRequest": response("This cannot be asked or sent like this; the message says how"),
                "Unauthorized": response("There is no token, or it is not known"),
                "Forbidden": response("The token does not have the scope for this"),
                "NotFound": response("What was asked for does not exist, or not for this token"),
                "Failed": response("It failed; the server's log says why"),
                "Unavailable": response("The database is not available; try again soon"),
            },
        },
    })
}

/// The path a question is asked at.
pub(super) fn path(entry: &Entry) -> String {
    format!("/api/v1/analytics/{}", entry.path.join("/"))
}

fn tags() -> Value {
    let mut groups: Vec<&str> = QUERIES.iter().map(Entry::group).collect();
    groups.dedup();
    groups
        .into_iter()
        .chain(["events", "live", "otlp", "web"])
        .map(|group| json!({ "name": group }))
        .collect()
}

fn operation(entry: &Entry) -> Value {
    let mut description = entry.description();
    if is_default(entry) {
        description += &format!("\n\nAlso at `/api/v1/analytics/{}`.", entry.group());
    }
    json!({
        "operationId": entry.path.join("_"),
        "tags": [entry.group()],
        "summary": entry.about(),
        "description": description,
        "parameters": parameters(entry),
        "responses": {
            "200": {
                "description": "The answer",
                "content": { "application/json": { "schema": answer(entry) } },
            },
            "400": { "$ref": "#/components/responses/BadRequest" },
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "403": { "$ref": "#/components/responses/Forbidden" },
            "404": { "$ref": "#/components/responses/NotFound" },
            "500": { "$ref": "#/components/responses/Failed" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    })
}

/// The same answer as a file to save.
fn file(entry: &Entry, ending: &str) -> (String, Value) {
    let asked = path(entry);
    let pointer = format!("#/paths/{}/get", asked.replace('/', "~1"));
    let all = parameters(entry).len();
    let parameters: Vec<Value> = (0..all)
        .map(|n| json!({ "$ref": format!("{pointer}/parameters/{n}") }))
        .collect();
    let content = match ending {
        "csv" => json!({ "text/csv": { "schema": { "type": "string" } } }),
        _ => json!({ "application/json": {
            "schema": { "$ref": format!("{pointer}/responses/200/content/application~1json/schema") },
        } }),
    };
    let operation = json!({
        "operationId": format!("{}_{ending}", entry.path.join("_")),
        "tags": [entry.group()],
        "summary": format!("{} (as a {} file)", entry.about(), ending.to_uppercase()),
        "parameters": parameters,
        "responses": {
            "200": { "description": "The answer, to be saved", "content": content },
            "400": { "$ref": "#/components/responses/BadRequest" },
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "403": { "$ref": "#/components/responses/Forbidden" },
            "404": { "$ref": "#/components/responses/NotFound" },
            "500": { "$ref": "#/components/responses/Failed" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    });
    (format!("{asked}.{ending}"), json!({ "get": operation }))
}

/// Where changes are told.
const LIVE: &str = "/api/v1/live";

/// Being told that something changed.
fn live() -> Value {
    json!({
        "operationId": "live_changes",
        "tags": ["live"],
        "summary": "Be told that something changed",
        "description": "Server-sent events: `hello` at once, then `changed` whenever something was stored, at \
                        most five times a second, with `requests`, `visits`, `activity` or `access` as its data: what \
                        it was about. Ask again what you show. A connection lasts a minute; come again.",
        "responses": {
            "200": {
                "description": "Changes as they happen",
                // No schema: one of this version describes a body that has an end.
                "content": { "text/event-stream": {} },
            },
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "403": { "$ref": "#/components/responses/Forbidden" },
            "503": { "description": "Too many are listening; retry-after says when to come again" },
        },
    })
}

/// Whether its group alone asks it too.
fn is_default(entry: &Entry) -> bool {
    entry.name().is_some()
        && default_of(entry.group()).is_some_and(|first| first.path == entry.path)
}

fn parameters(entry: &Entry) -> Vec<Value> {
    let schema = entry.params();
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    properties
        .into_iter()
        .map(|(name, mut schema)| {
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            storable(&mut schema);
            json!({
                "name": name,
                "in": "query",
                "required": required.iter().any(|required| *required == name),
                "description": description.unwrap_or_default(),
                "schema": schema,
            })
        })
        .collect()
}

/// Says of text that may be anything what it may not be: that PostgreSQL has no place
/// for it.
fn storable(schema: &mut Value) {
    if let Some(items) = schema.get_mut("items") {
        return storable(items);
    }
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    let kind = schema.get("type");
    let is_text = kind == Some(&json!("string")) || kind == Some(&json!(["string", "null"]));
    let narrower = ["enum", "anyOf", "format", "pattern"];
    if is_text && !narrower.iter().any(|word| schema.contains_key(*word)) {
        schema.insert("pattern".to_owned(), json!("^[^\\u0000]*$"));
    }
}

/// The schema of the whole answer, the question's name first.
fn answer(entry: &Entry) -> Value {
    let mut schema = entry.answer().to_value();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let question = json!({ "const": entry.path.join(" "), "description": "What was asked" });
        let rest = std::mem::take(properties);
        properties.insert("question".to_owned(), question);
        properties.extend(rest);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, json!("question"));
    }
    schema
}

fn response(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "message": { "type": "string", "description": "What is wrong, for people" },
                    "parameter": { "type": "string", "description": "The parameter that is to blame" },
                },
                "required": ["message"],
            },
        },
        "required": ["error"],
    })
}
