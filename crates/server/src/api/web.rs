//! The routes of web traffic in the OpenAPI document: what pages load and send, and
//! which of them are content. Their paths are those of a profile that names no others.

use serde_json::{Map, Value, json};
use systemprompt_web::beacon::{BODY, MOST};

use super::content;

/// The paths with their operations.
pub(super) fn paths() -> Map<String, Value> {
    [
        ("/s.js", json!({ "get": script() })),
        ("/api/collect", json!({ "post": collect() })),
        ("/px.gif", json!({ "get": pixel() })),
        (
            "/api/v1/content",
            json!({ "post": register(), "delete": remove() }),
        ),
    ]
    .map(|(path, operations)| (path.to_owned(), operations))
    .into_iter()
    .collect()
}

/// Text in which something can be read.
const NOT_BLANK: &str = "[!-~]";
/// An address that names a host.
const ADDRESS: &str =
    "^(https?:)?//[0-9A-Za-z_-][0-9A-Za-z._-]{0,200}(:[0-9]{1,5})?([/?#][!-~]*)?$";

fn response(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    })
}

fn binary(description: &str, kind: &str) -> Value {
    let content = Map::from_iter([(kind.to_owned(), json!({}))]);
    json!({ "description": description, "content": content })
}

fn script() -> Value {
    json!({
        "operationId": "web_script",
        "tags": ["web"],
        "summary": "The script that pages load",
        "description": "At most 2 KiB compressed, the same for everybody, without cookies: \
                        `<script defer src=\"https://HOST/s.js\"></script>`. The path is `web.script` of the \
                        profile.",
        "security": [],
        "responses": {
            "200": binary("The script", "text/javascript"),
            "304": { "description": "It is the one that `if-none-match` names" },
            "404": response("Page views are not taken here (web.enabled)"),
        },
    })
}

fn collect() -> Value {
    let event = json!({
        "type": "object",
        "properties": {
            "p": { "type": "string", "pattern": "^[0-9A-Za-z_-]{8,36}$", "description": "The page view, named by the browser" },
            "n": { "type": "number", "minimum": 0, "maximum": u32::MAX, "description": "The number of the event in its page view: 0 is the view itself. What comes twice counts once" },
            "u": { "type": "string", "description": "The page's address; needed where n is 0" },
            "r": { "type": "string", "description": "The referrer" },
            "t": { "type": "string", "description": "The title" },
            "e": { "type": "number", "description": "Milliseconds since the event before in which the page was visible and had the focus" },
            "d": { "type": "number", "description": "How far down the page was seen so far, in per cent" },
            "c": { "type": "number", "description": "Clicks since the event before" },
            "o": { "type": "array", "items": { "type": "string" }, "description": "Links to other sites that were followed" },
            "k": { "type": "string", "description": "Something that matters and was done: a sign-up, a download" },
            "s": { "type": "string", "description": "The screen, as in 1920x1080" },
            "l": { "type": "string", "description": "The browser's language" },
            "v": { "type": "number", "description": "1 while the page is visible" },
            "w": { "type": "number", "description": "1 where the browser says that a program drives it" },
        },
        "required": ["p", "n"],
        "anyOf": [
            { "properties": { "n": { "minimum": 1 } } },
            { "properties": { "u": { "pattern": NOT_BLANK } }, "required": ["u"] },
        ],
    });
    let schema = json!({ "oneOf": [event, { "type": "array", "items": event, "maxItems": MOST }] });
    json!({
        "operationId": "web_collect",
        "tags": ["web"],
        "summary": "Report page views",
        "description": format!(
            "What the script sends: an event or up to {MOST} in up to {} KiB, as JSON whatever the content type \
             says. The answer comes when they are on disk. Events of sites that are not in `web.sites` are taken \
             and dropped, as the header `x-systemprompt-dropped` says. The path is `web.collect` of the profile.",
            BODY / 1_024
        ),
        "security": [],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema }, "text/plain": { "schema": schema } },
        },
        "responses": {
            "202": {
                "description": "How many events count",
                "content": { "application/json": { "schema": {
                    "type": "object",
                    "properties": { "accepted": { "type": "integer" } },
                    "required": ["accepted"],
                } } },
            },
            "400": response("This is no report; no event of it counts"),
            "404": response("Page views are not taken here (web.enabled)"),
            "413": response("It is too large"),
            "415": response("The body has a content-encoding"),
            "429": response("The address has sent as many as it may in a minute"),
            "503": response("There is no room for reports at the moment"),
        },
    })
}

fn pixel() -> Value {
    let parameter = |name: &str, description: &str| {
        json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": { "type": "string" },
        })
    };
    json!({
        "operationId": "web_pixel",
        "tags": ["web"],
        "summary": "Count a page without scripts",
        "description": "A transparent picture: `<img src=\"https://HOST/px.gif\" alt=\"\">`. The page is the one that \
                        shows it. The path is `web.pixel` of the profile.",
        "security": [],
        "parameters": [
            parameter("u", "The page's address, where the referrer does not tell it"),
            parameter("r", "Where the visitor came from"),
            parameter("t", "The page's title"),
        ],
        "responses": {
            "200": binary("The picture", "image/gif"),
            "404": response("Page views are not taken here (web.enabled)"),
            "429": response("The address has sent as many as it may in a minute"),
            "503": response("There is no room for reports at the moment"),
        },
    })
}

/// A page, as it is named.
fn page(more: Value) -> Value {
    let mut properties = json!({
        "url": { "type": ["string", "null"], "pattern": ADDRESS, "description": "Its address; query and fragment do not count" },
        "site": { "type": ["string", "null"], "pattern": content::HOST, "description": "Its host, in place of the address; left out where web.sites has only one" },
        "path": { "type": ["string", "null"], "description": "Its path, in place of the address" },
    });
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    let named = |by: &str| json!({ "properties": { by: { "type": "string" } }, "required": [by] });
    json!({
        "type": "object",
        "properties": properties,
        "anyOf": [named("url"), named("path")],
        "additionalProperties": false,
    })
}

fn refusals() -> Map<String, Value> {
    let shared = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    [
        ("400", shared("BadRequest")),
        ("401", shared("Unauthorized")),
        ("403", shared("Forbidden")),
        (
            "409",
            response("Analytics is turned off here (analytics.enabled)"),
        ),
        ("503", shared("Unavailable")),
    ]
    .map(|(status, refusal)| (status.to_owned(), refusal))
    .into_iter()
    .collect()
}

fn registered(results: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "site": { "type": "string" },
            "path": { "type": "string" },
            "result": { "enum": results },
        },
        "required": ["site", "path", "result"],
    })
}

fn register() -> Value {
    let item = page(json!({
        "title": { "type": "string", "description": "Its title; left out, the known one stays" },
        "kind": { "type": "string", "description": "What kind of content it is; left out, the known one stays" },
    }));
    let schema = json!({ "oneOf": [item, { "type": "array", "items": item, "maxItems": 5_000 }] });
    let mut responses = refusals();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What became of each page, in order",
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": {
                    "results": { "type": "array", "items": registered(&["created", "updated", "same"]) },
                },
                "required": ["results"],
            } } },
        }),
    );
    json!({
        "operationId": "content_register",
        "tags": ["content"],
        "summary": "Say which pages are content",
        "description": "Pages that are registered have figures of their own (`content top`), whether or not \
                        anybody has read them yet. All are registered, or none. Needs the scope ingest.",
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
    })
}

fn remove() -> Value {
    let mut responses = refusals();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "It is content no more; its views stay counted",
            "content": { "application/json": { "schema": registered(&["removed"]) } },
        }),
    );
    let missing = json!({ "$ref": "#/components/responses/NotFound" });
    responses.insert("404".to_owned(), missing);
    json!({
        "operationId": "content_remove",
        "tags": ["content"],
        "summary": "Say that a page is no content",
        "description": "Needs the scope ingest.",
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": page(json!({})) } },
        },
        "responses": responses,
    })
}
