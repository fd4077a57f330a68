//! What exporting OpenTelemetry is, for the OpenAPI document.

use serde_json::{Value, json};

/// The operations, by their paths.
pub(crate) fn operations() -> [(String, Value); 3] {
    [
        ("traces", "spans", "resourceSpans", "Spans of the GenAI and MCP conventions, current and older names, \
            OpenLLMetry's among them: inference becomes requests, tools become tool calls. Other spans are ignored. A \
            request that came through the gateway, too, counts once where the trace and the id of the answer agree."),
        ("logs", "log records", "resourceLogs", "Events of coding agents (Claude Code, Codex, Gemini CLI): their \
            requests and tool calls. Other log records are ignored."),
        ("metrics", "data points", "resourceMetrics", "Taken so that exporters need no extra settings, and not stored: \
            they count what spans and events tell of one by one."),
    ]
    .map(|(signal, records, member, about)| {
        let operation = json!({ "post": operation(signal, records, member, about) });
        (format!("/v1/{signal}"), operation)
    })
}

fn operation(signal: &str, records: &str, member: &str, about: &str) -> Value {
    let export = json!({
        "type": "object",
        "properties": { member: { "type": "array", "items": { "type": "object" } } },
    });
    let binary =
        json!({ "schema": { "type": "string", "contentMediaType": "application/x-protobuf" } });
    let partial = json!({
        "type": "object",
        "properties": {
            "partialSuccess": {
                "type": "object",
                "description": "There if something was rejected, or is to be remarked",
                "properties": {
                    "errorMessage": { "type": "string", "description": "What the first of them broke" },
                },
                "additionalProperties": { "type": "string", "description": "How many were rejected" },
            },
        },
    });
    let error = |description: &str| {
        let status = json!({
            "type": "object",
            "properties": { "message": { "type": "string" } },
            "required": ["message"],
        });
        json!({
            "description": description,
            "content": { "application/json": { "schema": status }, "application/x-protobuf": binary },
        })
    };
    json!({
        "operationId": format!("otlp_{signal}"),
        "tags": ["otlp"],
        "summary": format!("Export {records} of OpenTelemetry"),
        "description": format!("{about} Takes OTLP/HTTP in protobuf or JSON, gzip or not, up to 8 MiB (32 MiB inflated) \
            and 10,000 records. A record that breaks the rules, or is older than seven days, is rejected by itself and \
            counted in the answer. Sent again, everything is stored once."),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": export }, "application/x-protobuf": binary },
        },
        "responses": {
            "200": {
                "description": "It is recorded",
                "content": { "application/json": { "schema": partial }, "application/x-protobuf": binary },
            },
            "400": error("The body is no export"),
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "403": { "$ref": "#/components/responses/Forbidden" },
            "408": error("The body did not arrive in time"),
            "413": error("The body is too large; export fewer records at once"),
            "415": error("The content-type or content-encoding is none that is read"),
            "500": error("It failed; the server's log says why"),
            "503": error("Nothing can be recorded at the moment; try again soon"),
        },
    })
}
